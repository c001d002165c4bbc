CREATE INDEX ix_analyses_failed ON analyses USING btree (job_id, id) WHERE (state = 'failed'::text);

CREATE INDEX ix_analyses_held ON analyses USING btree (job_id, holder_id) WHERE (state = 'processing'::text);

CREATE INDEX ix_analyses_image ON analyses USING btree (image_id, created_at);

CREATE INDEX ix_analyses_processing ON analyses USING btree (deadline) WHERE (state = 'processing'::text);

CREATE INDEX ix_analyses_queued ON analyses USING btree (job_id, id) WHERE ((state = 'queued'::text) AND (lost = 0));

CREATE INDEX ix_analyses_suspect ON analyses USING btree (job_id, id) WHERE ((state = 'queued'::text) AND (lost > 0));

CREATE INDEX ix_annotations_analysis_order ON annotations USING btree (analysis_id, ordering, id);

CREATE INDEX ix_annotations_rare_type ON annotations USING btree (annotation_type, project_id) WHERE (annotation_type <> ALL (ARRAY['bounding_box'::text, 'classification'::text]));

CREATE INDEX ix_attempts_analysis_id_attempt ON attempts USING btree (analysis_id, attempt);

CREATE INDEX ix_attempts_job ON attempts USING btree (job_id, ended_at, id);

CREATE INDEX ix_audit_project_id_at ON audit USING btree (project_id, at);

CREATE INDEX ix_callback_keys_service_id ON callback_keys USING btree (service_id);

CREATE INDEX ix_day_counts_class ON day_counts USING btree (project_id, class_name, day) INCLUDE (deployment_id, images, blank);

CREATE INDEX ix_day_counts_project_id_counted_at ON day_counts USING btree (project_id, counted_at);

CREATE INDEX ix_deployments_dating ON deployments USING btree (id) WHERE dating;

CREATE INDEX ix_dirty_days_project_id ON dirty_days USING btree (project_id);

CREATE INDEX ix_discarded_files_content ON discarded_files USING btree (project_id, sha256);

CREATE INDEX ix_discarded_files_due_at ON discarded_files USING btree (due_at);

CREATE INDEX ix_exports_expiry ON exports USING btree (expires_at) WHERE (storage_key IS NOT NULL);

CREATE INDEX ix_exports_live ON exports USING btree (updated_at) WHERE (state = ANY (ARRAY['queued'::text, 'gathering'::text, 'writing'::text]));

CREATE INDEX ix_exports_project_time ON exports USING btree (project_id, created_at, id);

CREATE INDEX ix_harmed_files_key ON harmed_files USING btree (key);

CREATE INDEX ix_holders_project_id_last_contact_at ON holders USING btree (project_id, last_contact_at);

CREATE INDEX ix_holders_token_id_last_contact_at ON holders USING btree (token_id, last_contact_at);

CREATE INDEX ix_identifications_image ON identifications USING btree (image_id, created_at, id);

CREATE INDEX ix_identifications_project_time ON identifications USING btree (project_id, created_at, id);

CREATE INDEX ix_identifications_taxon ON identifications USING btree (project_id, taxon_id) WHERE (taxon_id IS NOT NULL);

CREATE INDEX ix_identifications_withdrawn ON identifications USING btree (project_id, withdrawn_at) WHERE (withdrawn_at IS NOT NULL);

CREATE INDEX ix_image_classes_class_time ON image_classes USING btree (project_id, class_name, captured_at, image_id);

CREATE INDEX ix_image_tags_tag ON image_tags USING btree (project_id, tag, image_id);

CREATE INDEX ix_images_blank ON images USING btree (project_id, blank, captured_at, id);

CREATE INDEX ix_images_deleted ON images USING btree (project_id, deleted_at, id) WHERE (deleted_at IS NOT NULL);

CREATE INDEX ix_images_deployment_arrival ON images USING btree (deployment_id, created_at);

CREATE INDEX ix_images_deployment_time ON images USING btree (deployment_id, captured_at, id);

CREATE INDEX ix_images_project_time ON images USING btree (project_id, captured_at, id);

CREATE INDEX ix_images_reviewed ON images USING btree (project_id, captured_at, id) WHERE reviewed;

CREATE INDEX ix_images_sequence ON images USING btree (sequence_id, captured_at, id) WHERE (sequence_id IS NOT NULL);

CREATE INDEX ix_images_source_without_camera_time ON images USING btree (source_id) WHERE ((captured_at_source = ANY (ARRAY['modified_time'::text, 'received_time'::text])) AND (read_at IS NULL) AND (deleted_at IS NULL));

CREATE INDEX ix_images_starred ON images USING btree (project_id, captured_at, id) WHERE starred;

CREATE INDEX ix_images_ungrouped ON images USING btree (deployment_id, captured_at, id) WHERE ((sequence_id IS NULL) AND (deleted_at IS NULL));

CREATE INDEX ix_images_without_camera_time ON images USING btree (project_id, captured_at, id) WHERE ((captured_at_source = ANY (ARRAY['modified_time'::text, 'received_time'::text])) AND (read_at IS NULL) AND (deleted_at IS NULL));

CREATE INDEX ix_images_without_thumbnails ON images USING btree (id) WHERE (thumbnails_at IS NULL);

CREATE INDEX ix_imports_deployment ON imports USING btree (deployment_id) WHERE (deployment_id IS NOT NULL);

CREATE INDEX ix_imports_live ON imports USING btree (updated_at) WHERE (state = ANY (ARRAY['queued'::text, 'reading'::text]));

CREATE INDEX ix_imports_project_time ON imports USING btree (project_id, created_at, id);

CREATE INDEX ix_job_downloads_deployment ON job_downloads USING btree (project_id, deployment_id);

CREATE INDEX ix_jobs_live ON jobs USING btree (id) WHERE (status = ANY (ARRAY['queued'::text, 'processing'::text]));

CREATE INDEX ix_jobs_project_time ON jobs USING btree (project_id, id);

CREATE INDEX ix_links_user_id ON links USING btree (user_id);

CREATE INDEX ix_members_user_id ON members USING btree (user_id);

CREATE INDEX ix_notice_events_notice_id ON notice_events USING btree (notice_id);

CREATE INDEX ix_notice_mails_of ON notice_mails USING btree (project_id, user_id, kind, created_at);

CREATE INDEX ix_notice_mails_waiting ON notice_mails USING btree (next_attempt_at) WHERE (state = 'waiting'::text);

CREATE INDEX ix_notices_classes ON notices USING btree (project_id, class_name) WHERE (kind = 'class_seen'::text);

CREATE INDEX ix_projects_deleted ON projects USING btree (deleted_at) WHERE (deleted_at IS NOT NULL);

CREATE INDEX ix_pull_runs_source_time ON pull_runs USING btree (source_id, started_at);

CREATE INDEX ix_pull_sources_due ON pull_sources USING btree (next_run_at) WHERE is_active;

CREATE INDEX ix_pulled_files_fresh ON pulled_files USING btree (source_id, COALESCE(modified_at, '-infinity'::timestamp with time zone), path) WHERE ((state = 'seen'::text) AND (kind = 'file'::text) AND (next_attempt_at IS NULL));

CREATE INDEX ix_pulled_files_pushed ON pulled_files USING btree (source_id, path) WHERE ((pushed_at IS NOT NULL) AND (state = ANY (ARRAY['seen'::text, 'failed'::text])));

CREATE INDEX ix_pulled_files_state ON pulled_files USING btree (source_id, state, path);

CREATE INDEX ix_score_vectors_analysis_id ON score_vectors USING btree (analysis_id);

CREATE INDEX ix_sequences_deployment_time ON sequences USING btree (deployment_id, started_at, ended_at);

CREATE INDEX ix_sequences_project_time ON sequences USING btree (project_id, started_at, id);

CREATE INDEX ix_sequences_unsettled ON sequences USING btree (id) WHERE (recheck OR dissolve);

CREATE INDEX ix_service_projects_project_id ON service_projects USING btree (project_id);

CREATE INDEX ix_sessions_user_id ON sessions USING btree (user_id);

CREATE INDEX ix_sign_in_failures_last_at ON sign_in_failures USING btree (last_at);

CREATE INDEX ix_staged_files_announced_at ON staged_files USING btree (announced_at);

CREATE INDEX ix_taxa_accepted ON taxa USING btree (project_id, accepted_id) WHERE (accepted_id IS NOT NULL);

CREATE INDEX ix_taxon_labels_taxon ON taxon_labels USING btree (project_id, taxon_id);

CREATE INDEX ix_tokens_made_by ON tokens USING btree (made_by);

CREATE INDEX ix_tokens_user_id ON tokens USING btree (user_id);

CREATE INDEX ix_used_signatures_expires_at ON used_signatures USING btree (expires_at);

CREATE INDEX ix_webhook_deliveries_failed ON webhook_deliveries USING btree (webhook_id, created_at) WHERE (state = 'failed'::text);

CREATE INDEX ix_webhook_deliveries_gathering ON webhook_deliveries USING btree (webhook_id, created_at) WHERE (state = 'gathering'::text);

CREATE INDEX ix_webhook_deliveries_taken ON webhook_deliveries USING btree (webhook_id, taken_until) WHERE (taken_until IS NOT NULL);

CREATE INDEX ix_webhook_deliveries_time ON webhook_deliveries USING btree (webhook_id, created_at, id);

CREATE INDEX ix_webhook_deliveries_waiting ON webhook_deliveries USING btree (webhook_id, next_attempt_at) WHERE (state = 'waiting'::text);

CREATE INDEX ix_workers_ended ON workers USING btree (ended_at) WHERE (ended_at IS NOT NULL);

CREATE INDEX ix_workers_service ON workers USING btree (service_id) WHERE (ended_at IS NULL);

CREATE UNIQUE INDEX uq_algorithms_revision ON algorithms USING btree (project_id, key, version, map_sha256) NULLS NOT DISTINCT;

CREATE UNIQUE INDEX uq_analysis_details_external_job_id ON analysis_details USING btree (project_id, external_job_id) WHERE (external_job_id IS NOT NULL);

CREATE UNIQUE INDEX uq_deployments_default ON deployments USING btree (project_id) WHERE is_default;

CREATE UNIQUE INDEX uq_holders_caller ON holders USING btree (job_id, token_id, address, user_agent) WHERE (worker_id IS NULL);

CREATE UNIQUE INDEX uq_holders_worker ON holders USING btree (worker_id, job_id) WHERE (worker_id IS NOT NULL);

CREATE UNIQUE INDEX uq_jobs_standing ON jobs USING btree (project_id, pipeline_id) WHERE (standing AND (status = ANY (ARRAY['queued'::text, 'processing'::text])));

CREATE UNIQUE INDEX uq_pull_runs_running ON pull_runs USING btree (source_id) WHERE (state = 'running'::text);

CREATE UNIQUE INDEX uq_users_email_lower ON users USING btree (lower(email));

CREATE UNIQUE INDEX uq_workers_live ON workers USING btree (registrant, service, host, name) WHERE (ended_at IS NULL);
