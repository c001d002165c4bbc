ALTER TABLE algorithms
    ADD CONSTRAINT pk_algorithms PRIMARY KEY (id);

ALTER TABLE allowed_moves
    ADD CONSTRAINT pk_allowed_moves PRIMARY KEY (from_state, to_state);

ALTER TABLE analyses
    ADD CONSTRAINT pk_analyses PRIMARY KEY (id);

ALTER TABLE analysis_details
    ADD CONSTRAINT pk_analysis_details PRIMARY KEY (analysis_id);

ALTER TABLE analysis_moves
    ADD CONSTRAINT pk_analysis_moves PRIMARY KEY (analysis_id, number);

ALTER TABLE analysis_reports
    ADD CONSTRAINT pk_analysis_reports PRIMARY KEY (analysis_id);

ALTER TABLE annotations
    ADD CONSTRAINT pk_annotations PRIMARY KEY (id);

ALTER TABLE artifacts
    ADD CONSTRAINT pk_artifacts PRIMARY KEY (id);

ALTER TABLE attempts
    ADD CONSTRAINT pk_attempts PRIMARY KEY (id);

ALTER TABLE audit
    ADD CONSTRAINT pk_audit PRIMARY KEY (id);

ALTER TABLE callback_keys
    ADD CONSTRAINT pk_callback_keys PRIMARY KEY (id);

ALTER TABLE category_maps
    ADD CONSTRAINT pk_category_maps PRIMARY KEY (sha256);

ALTER TABLE day_counts
    ADD CONSTRAINT pk_day_counts PRIMARY KEY (deployment_id, class_name, day);

ALTER TABLE deployments
    ADD CONSTRAINT pk_deployments PRIMARY KEY (id);

ALTER TABLE dirty_days
    ADD CONSTRAINT pk_dirty_days PRIMARY KEY (id);

ALTER TABLE discarded_files
    ADD CONSTRAINT pk_discarded_files PRIMARY KEY (key);

ALTER TABLE export_images
    ADD CONSTRAINT pk_export_images PRIMARY KEY (export_id, image_id);

ALTER TABLE exports
    ADD CONSTRAINT pk_exports PRIMARY KEY (id);

ALTER TABLE file_checks
    ADD CONSTRAINT pk_file_checks PRIMARY KEY (name);

ALTER TABLE harmed_files
    ADD CONSTRAINT pk_harmed_files PRIMARY KEY (image_id, key);

ALTER TABLE holders
    ADD CONSTRAINT pk_holders PRIMARY KEY (id);

ALTER TABLE host_turns
    ADD CONSTRAINT pk_host_turns PRIMARY KEY (host, place);

ALTER TABLE idempotency_keys
    ADD CONSTRAINT pk_idempotency_keys PRIMARY KEY (actor, key);

ALTER TABLE identifications
    ADD CONSTRAINT pk_identifications PRIMARY KEY (id);

ALTER TABLE image_classes
    ADD CONSTRAINT pk_image_classes PRIMARY KEY (image_id, class_name);

ALTER TABLE image_tags
    ADD CONSTRAINT pk_image_tags PRIMARY KEY (image_id, tag);

ALTER TABLE images
    ADD CONSTRAINT pk_images PRIMARY KEY (id);

ALTER TABLE import_faults
    ADD CONSTRAINT pk_import_faults PRIMARY KEY (import_id, number);

ALTER TABLE imported_deployments
    ADD CONSTRAINT pk_imported_deployments PRIMARY KEY (deployment_id);

ALTER TABLE imported_images
    ADD CONSTRAINT pk_imported_images PRIMARY KEY (image_id);

ALTER TABLE imports
    ADD CONSTRAINT pk_imports PRIMARY KEY (id);

ALTER TABLE job_downloads
    ADD CONSTRAINT pk_job_downloads PRIMARY KEY (job_id, number);

ALTER TABLE job_images
    ADD CONSTRAINT pk_job_images PRIMARY KEY (job_id);

ALTER TABLE job_moves
    ADD CONSTRAINT pk_job_moves PRIMARY KEY (job_id, number);

ALTER TABLE jobs
    ADD CONSTRAINT pk_jobs PRIMARY KEY (id);

ALTER TABLE links
    ADD CONSTRAINT pk_links PRIMARY KEY (id);

ALTER TABLE members
    ADD CONSTRAINT pk_members PRIMARY KEY (project_id, user_id);

ALTER TABLE notice_events
    ADD CONSTRAINT pk_notice_events PRIMARY KEY (id);

ALTER TABLE notice_mails
    ADD CONSTRAINT pk_notice_mails PRIMARY KEY (id);

ALTER TABLE notice_silences
    ADD CONSTRAINT pk_notice_silences PRIMARY KEY (notice_id, about);

ALTER TABLE notices
    ADD CONSTRAINT pk_notices PRIMARY KEY (id);

ALTER TABLE pipeline_algorithms
    ADD CONSTRAINT pk_pipeline_algorithms PRIMARY KEY (pipeline_id, "position");

ALTER TABLE pipelines
    ADD CONSTRAINT pk_pipelines PRIMARY KEY (id);

ALTER TABLE presets
    ADD CONSTRAINT pk_presets PRIMARY KEY (id);

ALTER TABLE processing_services
    ADD CONSTRAINT pk_processing_services PRIMARY KEY (id);

ALTER TABLE projects
    ADD CONSTRAINT pk_projects PRIMARY KEY (id);

ALTER TABLE pull_runs
    ADD CONSTRAINT pk_pull_runs PRIMARY KEY (id);

ALTER TABLE pull_sources
    ADD CONSTRAINT pk_pull_sources PRIMARY KEY (id);

ALTER TABLE pulled_files
    ADD CONSTRAINT pk_pulled_files PRIMARY KEY (source_id, path);

ALTER TABLE score_vectors
    ADD CONSTRAINT pk_score_vectors PRIMARY KEY (annotation_id);

ALTER TABLE sequences
    ADD CONSTRAINT pk_sequences PRIMARY KEY (id);

ALTER TABLE service_pipelines
    ADD CONSTRAINT pk_service_pipelines PRIMARY KEY (service_id, pipeline_id);

ALTER TABLE service_projects
    ADD CONSTRAINT pk_service_projects PRIMARY KEY (service_id, project_id);

ALTER TABLE sessions
    ADD CONSTRAINT pk_sessions PRIMARY KEY (id);

ALTER TABLE sign_in_failures
    ADD CONSTRAINT pk_sign_in_failures PRIMARY KEY (key);

ALTER TABLE source_connections
    ADD CONSTRAINT pk_source_connections PRIMARY KEY (source_id);

ALTER TABLE source_folders
    ADD CONSTRAINT pk_source_folders PRIMARY KEY (id);

ALTER TABLE staged_files
    ADD CONSTRAINT pk_staged_files PRIMARY KEY (id);

ALTER TABLE taxa
    ADD CONSTRAINT pk_taxa PRIMARY KEY (id);

ALTER TABLE taxon_labels
    ADD CONSTRAINT pk_taxon_labels PRIMARY KEY (project_id, label);

ALTER TABLE tokens
    ADD CONSTRAINT pk_tokens PRIMARY KEY (id);

ALTER TABLE used_signatures
    ADD CONSTRAINT pk_used_signatures PRIMARY KEY (digest);

ALTER TABLE users
    ADD CONSTRAINT pk_users PRIMARY KEY (id);

ALTER TABLE webhook_deliveries
    ADD CONSTRAINT pk_webhook_deliveries PRIMARY KEY (id);

ALTER TABLE webhooks
    ADD CONSTRAINT pk_webhooks PRIMARY KEY (id);

ALTER TABLE workers
    ADD CONSTRAINT pk_workers PRIMARY KEY (id);

ALTER TABLE algorithms
    ADD CONSTRAINT uq_algorithms_project_id_id UNIQUE (project_id, id);

ALTER TABLE analyses
    ADD CONSTRAINT uq_analyses_job_id_image_id UNIQUE (job_id, image_id);

ALTER TABLE analyses
    ADD CONSTRAINT uq_analyses_project_id_id UNIQUE (project_id, id);

ALTER TABLE annotations
    ADD CONSTRAINT uq_annotations_analysis_id_fingerprint UNIQUE (analysis_id, fingerprint);

ALTER TABLE artifacts
    ADD CONSTRAINT uq_artifacts_analysis_id_storage_path UNIQUE (analysis_id, storage_path);

ALTER TABLE callback_keys
    ADD CONSTRAINT uq_callback_keys_key_id UNIQUE (key_id);

ALTER TABLE deployments
    ADD CONSTRAINT uq_deployments_project_id_id UNIQUE (project_id, id);

ALTER TABLE deployments
    ADD CONSTRAINT uq_deployments_project_id_name UNIQUE (project_id, name);

ALTER TABLE exports
    ADD CONSTRAINT uq_exports_project_id_id UNIQUE (project_id, id);

ALTER TABLE images
    ADD CONSTRAINT uq_images_deployment_id_sha256 UNIQUE (deployment_id, sha256);

ALTER TABLE images
    ADD CONSTRAINT uq_images_project_id_id UNIQUE (project_id, id);

ALTER TABLE imported_deployments
    ADD CONSTRAINT uq_imported_deployments_project_id_external_id UNIQUE (project_id, external_id);

ALTER TABLE imported_images
    ADD CONSTRAINT uq_imported_images_project_id_media_id UNIQUE (project_id, media_id);

ALTER TABLE imports
    ADD CONSTRAINT uq_imports_project_id_id UNIQUE (project_id, id);

ALTER TABLE jobs
    ADD CONSTRAINT uq_jobs_project_id_id UNIQUE (project_id, id);

ALTER TABLE links
    ADD CONSTRAINT uq_links_secret_hash UNIQUE (secret_hash);

ALTER TABLE notices
    ADD CONSTRAINT uq_notices_wish UNIQUE (project_id, user_id, kind, class_name);

ALTER TABLE pipelines
    ADD CONSTRAINT uq_pipelines_project_id_id UNIQUE (project_id, id);

ALTER TABLE pipelines
    ADD CONSTRAINT uq_pipelines_project_id_slug UNIQUE (project_id, slug);

ALTER TABLE presets
    ADD CONSTRAINT uq_presets_project_id_id UNIQUE (project_id, id);

ALTER TABLE presets
    ADD CONSTRAINT uq_presets_project_id_name UNIQUE (project_id, name);

ALTER TABLE processing_services
    ADD CONSTRAINT uq_processing_services_name_registrant UNIQUE (name, registrant);

ALTER TABLE pull_sources
    ADD CONSTRAINT uq_pull_sources_project_id_id UNIQUE (project_id, id);

ALTER TABLE pull_sources
    ADD CONSTRAINT uq_pull_sources_project_id_name UNIQUE (project_id, name);

ALTER TABLE sessions
    ADD CONSTRAINT uq_sessions_secret_hash UNIQUE (secret_hash);

ALTER TABLE source_folders
    ADD CONSTRAINT uq_source_folders_project_id_path UNIQUE (project_id, path);

ALTER TABLE staged_files
    ADD CONSTRAINT uq_staged_files_deployment_id_sha256 UNIQUE (deployment_id, sha256);

ALTER TABLE taxa
    ADD CONSTRAINT uq_taxa_project_id_gbif_key UNIQUE (project_id, gbif_key);

ALTER TABLE taxa
    ADD CONSTRAINT uq_taxa_project_id_id UNIQUE (project_id, id);

ALTER TABLE taxa
    ADD CONSTRAINT uq_taxa_project_id_name_key UNIQUE (project_id, name_key);

ALTER TABLE tokens
    ADD CONSTRAINT uq_tokens_prefix UNIQUE (prefix);

ALTER TABLE users
    ADD CONSTRAINT uq_users_oidc_issuer_oidc_subject UNIQUE (oidc_issuer, oidc_subject);

ALTER TABLE webhooks
    ADD CONSTRAINT uq_webhooks_project_id_id UNIQUE (project_id, id);

ALTER TABLE algorithms
    ADD CONSTRAINT fk_algorithms_map_sha256 FOREIGN KEY (map_sha256) REFERENCES category_maps(sha256);

ALTER TABLE algorithms
    ADD CONSTRAINT fk_algorithms_project_id FOREIGN KEY (project_id) REFERENCES projects(id) ON DELETE CASCADE;

ALTER TABLE analyses
    ADD CONSTRAINT fk_analyses_project_id_image_id FOREIGN KEY (project_id, image_id) REFERENCES images(project_id, id) ON DELETE CASCADE;

ALTER TABLE analyses
    ADD CONSTRAINT fk_analyses_project_id_job_id FOREIGN KEY (project_id, job_id) REFERENCES jobs(project_id, id) ON DELETE CASCADE;

ALTER TABLE analysis_details
    ADD CONSTRAINT fk_analysis_details_project_id_analysis_id FOREIGN KEY (project_id, analysis_id) REFERENCES analyses(project_id, id) ON DELETE CASCADE;

ALTER TABLE analysis_moves
    ADD CONSTRAINT fk_analysis_moves_from_state_to_state FOREIGN KEY (from_state, to_state) REFERENCES allowed_moves(from_state, to_state);

ALTER TABLE analysis_moves
    ADD CONSTRAINT fk_analysis_moves_project_id_analysis_id FOREIGN KEY (project_id, analysis_id) REFERENCES analyses(project_id, id) ON DELETE CASCADE;

ALTER TABLE analysis_reports
    ADD CONSTRAINT fk_analysis_reports_project_id_analysis_id FOREIGN KEY (project_id, analysis_id) REFERENCES analyses(project_id, id) ON DELETE CASCADE;

ALTER TABLE annotations
    ADD CONSTRAINT fk_annotations_project_id_analysis_id FOREIGN KEY (project_id, analysis_id) REFERENCES analyses(project_id, id) ON DELETE CASCADE;

ALTER TABLE artifacts
    ADD CONSTRAINT fk_artifacts_project_id_analysis_id FOREIGN KEY (project_id, analysis_id) REFERENCES analyses(project_id, id) ON DELETE CASCADE;

ALTER TABLE attempts
    ADD CONSTRAINT fk_attempts_project_id_analysis_id FOREIGN KEY (project_id, analysis_id) REFERENCES analyses(project_id, id) ON DELETE CASCADE;

ALTER TABLE audit
    ADD CONSTRAINT fk_audit_project_id FOREIGN KEY (project_id) REFERENCES projects(id) ON DELETE SET NULL;

ALTER TABLE callback_keys
    ADD CONSTRAINT fk_callback_keys_service_id FOREIGN KEY (service_id) REFERENCES processing_services(id) ON DELETE CASCADE;

ALTER TABLE day_counts
    ADD CONSTRAINT fk_day_counts_project_id_deployment_id FOREIGN KEY (project_id, deployment_id) REFERENCES deployments(project_id, id) ON DELETE CASCADE;

ALTER TABLE deployments
    ADD CONSTRAINT fk_deployments_project_id FOREIGN KEY (project_id) REFERENCES projects(id) ON DELETE CASCADE;

ALTER TABLE export_images
    ADD CONSTRAINT fk_export_images_project_id_export_id FOREIGN KEY (project_id, export_id) REFERENCES exports(project_id, id) ON DELETE CASCADE;

ALTER TABLE exports
    ADD CONSTRAINT fk_exports_project_id FOREIGN KEY (project_id) REFERENCES projects(id) ON DELETE CASCADE;

ALTER TABLE harmed_files
    ADD CONSTRAINT fk_harmed_files_project_id_image_id FOREIGN KEY (project_id, image_id) REFERENCES images(project_id, id) ON DELETE CASCADE;

ALTER TABLE holders
    ADD CONSTRAINT fk_holders_project_id_job_id FOREIGN KEY (project_id, job_id) REFERENCES jobs(project_id, id) ON DELETE CASCADE;

ALTER TABLE holders
    ADD CONSTRAINT fk_holders_service_id FOREIGN KEY (service_id) REFERENCES processing_services(id) ON DELETE SET NULL;

ALTER TABLE holders
    ADD CONSTRAINT fk_holders_worker_id FOREIGN KEY (worker_id) REFERENCES workers(id) ON DELETE CASCADE;

ALTER TABLE identifications
    ADD CONSTRAINT fk_identifications_project_id_image_id FOREIGN KEY (project_id, image_id) REFERENCES images(project_id, id) ON DELETE CASCADE;

ALTER TABLE identifications
    ADD CONSTRAINT fk_identifications_project_id_taxon_id FOREIGN KEY (project_id, taxon_id) REFERENCES taxa(project_id, id);

ALTER TABLE image_classes
    ADD CONSTRAINT fk_image_classes_project_id_image_id FOREIGN KEY (project_id, image_id) REFERENCES images(project_id, id) ON DELETE CASCADE;

ALTER TABLE image_tags
    ADD CONSTRAINT fk_image_tags_project_id_image_id FOREIGN KEY (project_id, image_id) REFERENCES images(project_id, id) ON DELETE CASCADE;

ALTER TABLE images
    ADD CONSTRAINT fk_images_project_id_deployment_id FOREIGN KEY (project_id, deployment_id) REFERENCES deployments(project_id, id);

ALTER TABLE import_faults
    ADD CONSTRAINT fk_import_faults_project_id_import_id FOREIGN KEY (project_id, import_id) REFERENCES imports(project_id, id) ON DELETE CASCADE;

ALTER TABLE imported_deployments
    ADD CONSTRAINT fk_imported_deployments_project_id_deployment_id FOREIGN KEY (project_id, deployment_id) REFERENCES deployments(project_id, id) ON DELETE CASCADE;

ALTER TABLE imported_images
    ADD CONSTRAINT fk_imported_images_project_id_image_id FOREIGN KEY (project_id, image_id) REFERENCES images(project_id, id) ON DELETE CASCADE;

ALTER TABLE imports
    ADD CONSTRAINT fk_imports_project_id FOREIGN KEY (project_id) REFERENCES projects(id) ON DELETE CASCADE;

ALTER TABLE imports
    ADD CONSTRAINT fk_imports_project_id_deployment_id FOREIGN KEY (project_id, deployment_id) REFERENCES deployments(project_id, id) ON DELETE CASCADE;

ALTER TABLE job_downloads
    ADD CONSTRAINT fk_job_downloads_project_id_deployment_id FOREIGN KEY (project_id, deployment_id) REFERENCES deployments(project_id, id) ON DELETE CASCADE;

ALTER TABLE job_downloads
    ADD CONSTRAINT fk_job_downloads_project_id_job_id FOREIGN KEY (project_id, job_id) REFERENCES jobs(project_id, id) ON DELETE CASCADE;

ALTER TABLE job_images
    ADD CONSTRAINT fk_job_images_project_id_job_id FOREIGN KEY (project_id, job_id) REFERENCES jobs(project_id, id) ON DELETE CASCADE;

ALTER TABLE job_moves
    ADD CONSTRAINT fk_job_moves_from_state_to_state FOREIGN KEY (from_state, to_state) REFERENCES allowed_moves(from_state, to_state);

ALTER TABLE job_moves
    ADD CONSTRAINT fk_job_moves_project_id_job_id FOREIGN KEY (project_id, job_id) REFERENCES jobs(project_id, id) ON DELETE CASCADE;

ALTER TABLE jobs
    ADD CONSTRAINT fk_jobs_project_id FOREIGN KEY (project_id) REFERENCES projects(id) ON DELETE CASCADE;

ALTER TABLE jobs
    ADD CONSTRAINT fk_jobs_project_id_pipeline_id FOREIGN KEY (project_id, pipeline_id) REFERENCES pipelines(project_id, id);

ALTER TABLE links
    ADD CONSTRAINT fk_links_user_id FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE;

ALTER TABLE members
    ADD CONSTRAINT fk_members_project_id FOREIGN KEY (project_id) REFERENCES projects(id) ON DELETE CASCADE;

ALTER TABLE members
    ADD CONSTRAINT fk_members_user_id FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE;

ALTER TABLE notice_events
    ADD CONSTRAINT fk_notice_events_notice_id FOREIGN KEY (notice_id) REFERENCES notices(id) ON DELETE CASCADE;

ALTER TABLE notice_mails
    ADD CONSTRAINT fk_notice_mails_project_id_user_id FOREIGN KEY (project_id, user_id) REFERENCES members(project_id, user_id) ON DELETE CASCADE;

ALTER TABLE notice_silences
    ADD CONSTRAINT fk_notice_silences_notice_id FOREIGN KEY (notice_id) REFERENCES notices(id) ON DELETE CASCADE;

ALTER TABLE notices
    ADD CONSTRAINT fk_notices_project_id_user_id FOREIGN KEY (project_id, user_id) REFERENCES members(project_id, user_id) ON DELETE CASCADE;

ALTER TABLE pipeline_algorithms
    ADD CONSTRAINT fk_pipeline_algorithms_project_id_algorithm_id FOREIGN KEY (project_id, algorithm_id) REFERENCES algorithms(project_id, id);

ALTER TABLE pipeline_algorithms
    ADD CONSTRAINT fk_pipeline_algorithms_project_id_pipeline_id FOREIGN KEY (project_id, pipeline_id) REFERENCES pipelines(project_id, id) ON DELETE CASCADE;

ALTER TABLE pipelines
    ADD CONSTRAINT fk_pipelines_project_id FOREIGN KEY (project_id) REFERENCES projects(id) ON DELETE CASCADE;

ALTER TABLE presets
    ADD CONSTRAINT fk_presets_project_id FOREIGN KEY (project_id) REFERENCES projects(id) ON DELETE CASCADE;

ALTER TABLE pull_runs
    ADD CONSTRAINT fk_pull_runs_project_id_source_id FOREIGN KEY (project_id, source_id) REFERENCES pull_sources(project_id, id) ON DELETE CASCADE;

ALTER TABLE pull_sources
    ADD CONSTRAINT fk_pull_sources_project_id_deployment_id FOREIGN KEY (project_id, deployment_id) REFERENCES deployments(project_id, id);

ALTER TABLE pulled_files
    ADD CONSTRAINT fk_pulled_files_project_id_source_id FOREIGN KEY (project_id, source_id) REFERENCES pull_sources(project_id, id) ON DELETE CASCADE;

ALTER TABLE score_vectors
    ADD CONSTRAINT fk_score_vectors_project_id_analysis_id FOREIGN KEY (project_id, analysis_id) REFERENCES analyses(project_id, id) ON DELETE CASCADE;

ALTER TABLE sequences
    ADD CONSTRAINT fk_sequences_project_id_deployment_id FOREIGN KEY (project_id, deployment_id) REFERENCES deployments(project_id, id) ON DELETE CASCADE;

ALTER TABLE service_pipelines
    ADD CONSTRAINT fk_service_pipelines_project_id_pipeline_id FOREIGN KEY (project_id, pipeline_id) REFERENCES pipelines(project_id, id) ON DELETE CASCADE;

ALTER TABLE service_pipelines
    ADD CONSTRAINT fk_service_pipelines_service_id FOREIGN KEY (service_id) REFERENCES processing_services(id) ON DELETE CASCADE;

ALTER TABLE service_projects
    ADD CONSTRAINT fk_service_projects_project_id FOREIGN KEY (project_id) REFERENCES projects(id) ON DELETE CASCADE;

ALTER TABLE service_projects
    ADD CONSTRAINT fk_service_projects_service_id FOREIGN KEY (service_id) REFERENCES processing_services(id) ON DELETE CASCADE;

ALTER TABLE sessions
    ADD CONSTRAINT fk_sessions_user_id FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE;

ALTER TABLE source_connections
    ADD CONSTRAINT fk_source_connections_project_id_source_id FOREIGN KEY (project_id, source_id) REFERENCES pull_sources(project_id, id) ON DELETE CASCADE;

ALTER TABLE source_folders
    ADD CONSTRAINT fk_source_folders_project_id FOREIGN KEY (project_id) REFERENCES projects(id) ON DELETE CASCADE;

ALTER TABLE staged_files
    ADD CONSTRAINT fk_staged_files_project_id_deployment_id FOREIGN KEY (project_id, deployment_id) REFERENCES deployments(project_id, id) ON DELETE CASCADE;

ALTER TABLE taxa
    ADD CONSTRAINT fk_taxa_project_id FOREIGN KEY (project_id) REFERENCES projects(id) ON DELETE CASCADE;

ALTER TABLE taxa
    ADD CONSTRAINT fk_taxa_project_id_accepted_id FOREIGN KEY (project_id, accepted_id) REFERENCES taxa(project_id, id);

ALTER TABLE taxon_labels
    ADD CONSTRAINT fk_taxon_labels_project_id FOREIGN KEY (project_id) REFERENCES projects(id) ON DELETE CASCADE;

ALTER TABLE taxon_labels
    ADD CONSTRAINT fk_taxon_labels_project_id_taxon_id FOREIGN KEY (project_id, taxon_id) REFERENCES taxa(project_id, id);

ALTER TABLE tokens
    ADD CONSTRAINT fk_tokens_made_by FOREIGN KEY (made_by) REFERENCES tokens(id) ON DELETE CASCADE;

ALTER TABLE tokens
    ADD CONSTRAINT fk_tokens_user_id FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE;

ALTER TABLE webhook_deliveries
    ADD CONSTRAINT fk_webhook_deliveries_project_id_webhook_id FOREIGN KEY (project_id, webhook_id) REFERENCES webhooks(project_id, id) ON DELETE CASCADE;

ALTER TABLE webhooks
    ADD CONSTRAINT fk_webhooks_project_id FOREIGN KEY (project_id) REFERENCES projects(id) ON DELETE CASCADE;

ALTER TABLE workers
    ADD CONSTRAINT fk_workers_service_id FOREIGN KEY (service_id) REFERENCES processing_services(id) ON DELETE SET NULL;
