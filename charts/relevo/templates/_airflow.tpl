{{/* A setting that Airflow asks a command for, without a file's last line end. Takes (list variable file). */}}
{{- define "relevo.airflowCommand" -}}
- name: {{ index . 0 }}_CMD
  value: sh -c 'printf %s "$$(cat /secrets/{{ index . 1 }})"'
{{- end }}

{{/* The Secrets whose files every Airflow process reads, as JSON. */}}
{{- define "relevo.airflowSecrets" -}}
{{- $database := list (include "relevo.databaseSecret" (list . "airflow")) "url" -}}
{{- dict "database" $database "airflow" (list (include "relevo.airflowSecret" .) "fernet-key" "jwt-secret" "api-secret-key") | toJson -}}
{{- end }}

{{/* The environment of every Airflow process. */}}
{{- define "relevo.airflowEnv" -}}
- {name: AIRFLOW_HOME, value: /tmp/airflow}
{{ include "relevo.airflowCommand" (list "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN" "database/url") }}
{{ include "relevo.airflowCommand" (list "AIRFLOW__CORE__FERNET_KEY" "airflow/fernet-key") }}
{{ include "relevo.airflowCommand" (list "AIRFLOW__API_AUTH__JWT_SECRET" "airflow/jwt-secret") }}
{{ include "relevo.airflowCommand" (list "AIRFLOW__API__SECRET_KEY" "airflow/api-secret-key") }}
- {name: AIRFLOW__CORE__EXECUTION_API_SERVER_URL, value: "http://{{ .Release.Name }}-airflow:8080/execution/"}
- {name: AIRFLOW__CORE__EXECUTOR, value: LocalExecutor}
- {name: AIRFLOW__CORE__PARALLELISM, value: {{ .Values.airflow.parallelism | quote }}}
- {name: AIRFLOW__CORE__LOAD_EXAMPLES, value: "False"}
- {name: AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS, value: {{ printf "%s:admin" .Values.airflow.login.username | include "relevo.text" }}}
- {name: AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE, value: /tmp/passwords.json}
- {name: AIRFLOW__API__WORKERS, value: {{ .Values.airflow.apiServer.workers | quote }}}
- {name: AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST, value: {{ include "relevo.dagBundle" . | include "relevo.text" }}}
- {name: AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL, value: {{ .Values.airflow.git.interval | quote }}}
{{- with .Values.airflow.git.existingSecret }}
# A connection is read from an environment or from Airflow's database, and from no file.
- name: AIRFLOW_CONN_RELEVO_DAGS
  valueFrom: {secretKeyRef: {name: {{ . }}, key: connection}}
{{- end }}
# A task's process would import all of this anew, a second of its time at best: it is forked from one that has.
- {name: AIRFLOW__CORE__MP_START_METHOD, value: forkserver}
- name: AIRFLOW__CORE__MP_FORKSERVER_PRELOAD
  value: airflow,airflow.executors.local_executor,airflow.sdk.execution_time.task_runner,airflow.sdk.execution_time.supervisor,airflow.cli.cli_parser,airflow.dag_processing.dagbag,airflow.dag_processing.bundles.local,airflow.providers.git.bundles.git,airflow.providers.cncf.kubernetes.operators.pod,airflow.providers.standard.operators.empty
# A scheduler that was killed leaves its tasks to the next one, which counts it as dead after 30 s, looks for what it left
# every 20 s (by default 300), and finds the tasks' pods. A task that died alone is missed after a minute (300 s).
- {name: AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL, value: "20"}
- {name: AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT, value: "60"}
- {name: AIRFLOW__USAGE_DATA_COLLECTION__ENABLED, value: "False"}
- {name: RELEVO_DAGS, value: {{ include "relevo.models" . | include "relevo.text" }}}
- {name: RELEVO_STEPS, value: /etc/relevo/steps}
- {name: RELEVO_SCHEDULE, value: {{ include "relevo.text" .Values.airflow.schedule }}}
- {name: RELEVO_MLFLOW_UI, value: {{ include "relevo.uiUrl" (list . "mlflow" "http://localhost:5000") | include "relevo.text" }}}
{{- with .Values.airflow.env }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "relevo.dagBundle" -}}
{{- with .Values.airflow.git }}
{{- if .url }}
{{- $kwargs := dict "repo_url" .url "tracking_ref" .ref "subdir" .subdirectory "refresh_interval" .interval }}
{{- if .existingSecret }}{{ $kwargs = set $kwargs "git_conn_id" "relevo_dags" }}{{ end }}
{{- list (dict "name" "relevo" "classpath" "airflow.providers.git.bundles.git.GitDagBundle" "kwargs" $kwargs) | toJson }}
{{- else }}
{{- list (dict "name" "relevo" "classpath" "airflow.dag_processing.bundles.local.LocalDagBundle" "kwargs" (dict "path" "/opt/relevo/dags" "refresh_interval" .interval)) | toJson }}
{{- end }}
{{- end }}
{{- end }}

{{/* Waits until the database is as this release needs it. */}}
{{- define "relevo.airflowMigrated" -}}
- name: migrated
  image: {{ include "relevo.image" (list $ .Values.airflow.image) }}
  imagePullPolicy: {{ .Values.image.pullPolicy }}
  command: [sh, -c, 'airflow db check --retry 200 --retry-delay 3 && exec airflow db check-migrations --migration-wait-timeout 600']
  env: {{- include "relevo.airflowEnv" . | nindent 4 }}
  {{- include "relevo.container" . | nindent 2 }}
  resources: {{- toYaml .Values.airflow.migration.resources | nindent 4 }}
  volumeMounts:
    - {name: tmp, mountPath: /tmp}
    {{- include "relevo.secretMounts" (include "relevo.airflowSecrets" . | fromJson) | nindent 4 }}
{{- end }}
