CREATE TRIGGER leave_sequence BEFORE UPDATE OF captured_at, deleted_at ON images FOR EACH ROW WHEN (((old.sequence_id IS NOT NULL) AND ((new.captured_at IS DISTINCT FROM old.captured_at) OR ((new.deleted_at IS NOT NULL) AND (old.deleted_at IS NULL))))) EXECUTE FUNCTION leave_sequence();

CREATE TRIGGER note_days_of_moved_image AFTER UPDATE OF captured_at, time_zone, deleted_at ON images FOR EACH ROW WHEN (((new.captured_at IS DISTINCT FROM old.captured_at) OR (new.time_zone IS DISTINCT FROM old.time_zone) OR ((new.deleted_at IS NULL) IS DISTINCT FROM (old.deleted_at IS NULL)))) EXECUTE FUNCTION note_days_of_moved_image();

CREATE TRIGGER note_days_of_new_images AFTER INSERT ON images REFERENCING NEW TABLE AS came FOR EACH STATEMENT EXECUTE FUNCTION note_days_of_new_images();

CREATE TRIGGER note_failed_job AFTER INSERT ON job_moves FOR EACH ROW WHEN ((new.to_state = 'failed'::text)) EXECUTE FUNCTION note_failed_job();

CREATE TRIGGER note_job BEFORE INSERT ON attempts FOR EACH ROW WHEN ((new.job_id IS NULL)) EXECUTE FUNCTION note_job_of_attempt();

CREATE TRIGGER note_seen_classes AFTER INSERT ON image_classes REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION note_seen_classes();

CREATE TRIGGER note_surer_classes AFTER UPDATE ON image_classes REFERENCING OLD TABLE AS formerly NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_surer_classes();

CREATE TRIGGER tell_of_analysis AFTER UPDATE OF state ON analyses FOR EACH ROW WHEN (((new.state = ANY (ARRAY['completed'::text, 'failed'::text])) AND (old.state IS DISTINCT FROM new.state))) EXECUTE FUNCTION tell_of_analysis();

CREATE TRIGGER tell_of_images AFTER INSERT ON images REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION tell_of_images();

CREATE TRIGGER tell_of_job AFTER INSERT ON job_moves FOR EACH ROW EXECUTE FUNCTION tell_of_job();

CREATE TRIGGER tell_of_new_worker AFTER INSERT ON workers FOR EACH ROW EXECUTE FUNCTION tell_of_worker();

CREATE TRIGGER tell_of_run AFTER UPDATE OF state ON pull_runs FOR EACH ROW WHEN (((old.state = 'running'::text) AND (new.state = 'completed'::text))) EXECUTE FUNCTION tell_of_run();

CREATE TRIGGER tell_of_source AFTER UPDATE OF consecutive_failures ON pull_sources FOR EACH ROW WHEN (((old.consecutive_failures > 0) <> (new.consecutive_failures > 0))) EXECUTE FUNCTION tell_of_source();

CREATE TRIGGER tell_of_worker AFTER UPDATE OF service_id, ended_at, offline_since ON workers FOR EACH ROW WHEN ((((old.ended_at IS NULL) AND (new.ended_at IS NOT NULL)) OR ((old.ended_at IS NULL) AND ((old.offline_since IS NULL) <> (new.offline_since IS NULL))) OR ((old.service_id IS NULL) AND (new.service_id IS NOT NULL) AND (new.ended_at IS NULL)))) EXECUTE FUNCTION tell_of_worker();
