CREATE FUNCTION leave_sequence() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    update sequences set recheck = true where id = old.sequence_id and not recheck;
    new.sequence_id := null;
    return new;
end
$$;

CREATE FUNCTION note_days_of_moved_image() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    insert into dirty_days (project_id, deployment_id, day) values
        (old.project_id, old.deployment_id, (old.captured_at at time zone old.time_zone)::date),
        (new.project_id, new.deployment_id, (new.captured_at at time zone new.time_zone)::date);
    return null;
end
$$;

CREATE FUNCTION note_days_of_new_images() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    insert into dirty_days (project_id, deployment_id, day)
    select distinct project_id, deployment_id, (captured_at at time zone time_zone)::date from came;
    return null;
end
$$;

CREATE FUNCTION note_failed_job() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    if exists (select from notices n where n.project_id = new.project_id and n.kind = 'job_failed') then
        perform note_for_people(new.project_id, 'job_failed', (
            select jsonb_build_object('id', j.id, 'name', coalesce(nullif(j.name, ''), j.pipeline_slug),
                'completed', j.completed, 'failed', j.failed)
            from jobs j where j.id = new.job_id
        ));
    end if;
    return null;
end
$$;

CREATE FUNCTION note_for_people(project bigint, wanted text, told jsonb) RETURNS void
    LANGUAGE sql
    AS $$
    insert into notice_events (id, notice_id, data, created_at)
    select gen_random_uuid(), n.id, told, clock_timestamp()
    from notices n where n.project_id = project and n.kind = wanted
    -- One that is being deleted needs no news: nobody waits for its row.
    for key share of n skip locked
$$;

CREATE FUNCTION note_job_of_attempt() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
        begin
            new.job_id := (select job_id from analyses where id = new.analysis_id);
            return new;
        end $$;

CREATE FUNCTION note_seen_class(project bigint, seen text, sure double precision, highest double precision, many bigint, images jsonb) RETURNS void
    LANGUAGE sql
    AS $$
    insert into notice_events (id, notice_id, data, created_at)
    select gen_random_uuid(), n.id, jsonb_build_object('class_name', seen, 'count', many, 'confidence', highest,
        'ids', images), clock_timestamp()
    from notices n where n.project_id = project and n.kind = 'class_seen' and n.class_name = seen
      and n.confidence_min = sure
    for key share of n skip locked
$$;

CREATE FUNCTION note_seen_classes() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    if exists (select from notices where kind = 'class_seen') then
        perform note_seen_class(s.project_id, s.class_name, s.sure, max(s.confidence), count(*),
            to_jsonb((array_agg(s.image_id order by s.confidence desc))[1:5]))
        from (
            select c.project_id, c.class_name, c.image_id, c.confidence, n.confidence_min as sure
            from added c  cross join lateral (
                select distinct w.confidence_min from notices w where w.kind = 'class_seen'
                  and w.project_id = c.project_id and w.class_name = c.class_name and w.confidence_min <= c.confidence
            ) n 
        ) s group by s.project_id, s.class_name, s.sure;
    end if;
    return null;
end
$$;

CREATE FUNCTION note_surer_classes() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    if exists (select from notices where kind = 'class_seen') then
        perform note_seen_class(s.project_id, s.class_name, s.sure, max(s.confidence), count(*),
            to_jsonb((array_agg(s.image_id order by s.confidence desc))[1:5]))
        from (
            select c.project_id, c.class_name, c.image_id, c.confidence, n.confidence_min as sure
            from changed c join formerly b on b.image_id = c.image_id and b.class_name = c.class_name cross join lateral (
                select distinct w.confidence_min from notices w where w.kind = 'class_seen'
                  and w.project_id = c.project_id and w.class_name = c.class_name and w.confidence_min <= c.confidence
            ) n where b.confidence < n.confidence_min
        ) s group by s.project_id, s.class_name, s.sure;
    end if;
    return null;
end
$$;

CREATE FUNCTION refuse_closed_job(status text) RETURNS text
    LANGUAGE plpgsql
    AS $$
        begin
            if status is null then
                raise exception 'the job is over' using errcode = 'TL001';
            end if;
            return status;
        end
        $$;

CREATE FUNCTION tell_of_analysis() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    if exists (
        select from webhooks w where w.project_id = new.project_id and w.is_active
        and (w.analyses_of_jobs or new.job_id is null)
    ) then
        perform tell_webhooks(new.project_id, 'analysis.' || new.state, jsonb_build_object('id', new.id,
            'state', new.state, 'image_id', new.image_id, 'job_id', new.job_id, 'model_name', new.model_name,
            'model_version', new.model_version), new.job_id is not null);
    end if;
    return null;
end
$$;

CREATE FUNCTION tell_of_images() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    if exists (select from webhooks w where w.is_active) then
        perform tell_webhooks(i.project_id, 'image.created',
            jsonb_build_object('count', count(*), 'ids', to_jsonb((array_agg(i.id order by i.id))[1:100])), false)
        from added i group by i.project_id;
    end if;
    return null;
end
$$;

CREATE FUNCTION tell_of_job() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    if exists (select from webhooks w where w.project_id = new.project_id and w.is_active) then
        perform tell_webhooks(new.project_id, 'job.' || new.to_state, (
            select jsonb_build_object('id', j.id, 'state', new.to_state, 'move', new.number, 'open', j.open,
                'completed', j.completed, 'failed', j.failed)
            from jobs j where j.id = new.job_id
        ), false);
    end if;
    return null;
end
$$;

CREATE FUNCTION tell_of_run() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    perform tell_webhooks(new.project_id, 'source.run.completed', jsonb_build_object('id', new.source_id,
        'run_id', new.id, 'state', new.state, 'imported', new.imported, 'duplicate', new.duplicate,
        'skipped', new.skipped, 'failed', new.failed, 'remaining', new.remaining), false);
    return null;
end
$$;

CREATE FUNCTION tell_of_source() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    perform tell_webhooks(new.project_id,
        case when new.consecutive_failures > 0 then 'source.failing' else 'source.recovered' end,
        jsonb_build_object('id', new.id,
            'state', case when new.consecutive_failures > 0 then 'failing' else 'well' end), false);
    return null;
end
$$;

CREATE FUNCTION tell_of_worker() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
declare
    now_is text := case
        when new.ended_why = 'evicted' then 'evicted'
        when new.ended_at is not null or new.offline_since is not null then 'offline'
        else 'online'
    end;
begin
    perform tell_webhooks(p.project_id, 'worker.' || now_is, jsonb_build_object('id', new.id, 'state', now_is,
        'why', coalesce(new.ended_why, case now_is when 'offline' then 'silent' end)), false)
    from (
        select project_id from service_projects where service_id = new.service_id
        union select project_id from holders where worker_id = new.id
    ) p;
    return null;
end
$$;

CREATE FUNCTION tell_webhooks(project bigint, kind text, told jsonb, of_job boolean) RETURNS void
    LANGUAGE sql
    AS $$
    insert into webhook_deliveries
        (id, project_id, webhook_id, event_type, data, state, created_at, next_attempt_at, give_up_at)
    select gen_random_uuid(), w.project_id, w.id, kind, jsonb_build_object('project_id', project) || told,
        case kind when 'image.created' then 'gathering' else 'waiting' end,
        clock_timestamp(), clock_timestamp(), clock_timestamp() + interval '1 day'
    from webhooks w
    where w.project_id = project and w.is_active and (w.event_types = '{}' or kind = any(w.event_types))
      and (w.analyses_of_jobs or not of_job)
    -- One that is being deleted needs no news: nobody waits for its row.
    for key share of w skip locked
$$;
