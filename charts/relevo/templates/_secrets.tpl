{{/* What relevo-install makes if it is missing; docs/installing.md has the format. */}}
{{- define "relevo.secrets" -}}
{{- $name := .Release.Name -}}
{{- range $database, $values := .Values.postgres.databases }}
{{- if and (not $values.existingSecret) (has $database (include "relevo.databases" $ | splitList " ")) }}
{{- $host := printf "%s-%s" $name (eq $database "airflow" | ternary "airflow-db" $database) }}
{{- $scheme := has $database (list "airflow" "metadata") | ternary "postgresql+psycopg2" "postgresql" }}
{{ $host }}:
  username: relevo
  password: {random: password}
  url: {url: "{{ $scheme }}://{username}:{password}@{{ $host }}:5432/{{ $database }}"}
{{ $host }}-superuser:
  username: relevo_superuser
  password: {random: password}
{{- if eq $database "raw" }}
{{ $host }}-serving:
  username: relevo_serving
  password: {random: password}
  url: {url: "{{ $scheme }}://{username}:{password}@{{ $host }}:5432/{{ $database }}"}
{{- end }}
{{- range $guest := has $database (list "raw" "clean") | ternary $.Values.guests list }}
{{- range $login := eq $database "raw" | ternary (list "owner" "serving") (list "owner") }}
{{ $guest.release }}-{{ $database }}{{ if eq $login "serving" }}-serving{{ end }}:
  username: guest_{{ $guest.release }}_{{ $login }}
  password: {random: password}
  url: {url: "{{ $scheme }}://{username}:{password}@{{ $host }}:5432/guest_{{ $guest.release }}"}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- if not .Values.platform }}
{{- if not .Values.bucket.endpoint }}
{{- $all := .Values.bucket.name }}
{{ $name }}-s3:
  access-key: {random: hex}
  secret-key: {random: password}
  {{- range $who := list "collect" "mlflow" }}
  {{ $who }}-access-key: {random: hex}
  {{ $who }}-secret-key: {random: password}
  {{- end }}
  users.json:
    json:
      identities:
        - name: prepare-and-backup
          credentials: [{accessKey: "{access-key}", secretKey: "{secret-key}"}]
          actions: ["Admin:{{ $all }}"]
        - name: collect
          credentials: [{accessKey: "{collect-access-key}", secretKey: "{collect-secret-key}"}]
          actions: ["Write:{{ $all }}/raw/*"]
        - name: mlflow
          credentials: [{accessKey: "{mlflow-access-key}", secretKey: "{mlflow-secret-key}"}]
          actions: ["Read:{{ $all }}/mlflow/*", "Write:{{ $all }}/mlflow/*", "List:{{ $all }}/mlflow/*", "Tagging:{{ $all }}/mlflow/*"]
{{- end }}
{{ $name }}-mlflow:
  webhook-encryption-key: {random: fernet}
  flask-secret-key: {random: hex}
{{- range $who := include "relevo.mlflowUsers" . | splitList " " }}
{{ $name }}-mlflow-{{ $who }}:
  url: {{ include "relevo.mlflowUrl" $ }}
  username: relevo-{{ $who }}
  password: {random: password}
{{- end }}
{{- if not .Values.airflow.existingSecret }}
{{ $name }}-airflow:
  fernet-key: {random: fernet}
  jwt-secret: {random: hex}
  api-secret-key: {random: hex}
{{- end }}
{{- if not .Values.airflow.login.existingSecret }}
{{ $name }}-airflow-login:
  url: http://{{ $name }}-airflow:8080
  username: {{ .Values.airflow.login.username | quote }}
  password: {random: password}
  passwords.json: {json: {"{username}": "{password}"}}
{{- end }}
{{- if and .Values.grafana.enabled (not .Values.grafana.login.existingSecret) }}
{{ $name }}-grafana-login:
  username: {{ .Values.grafana.login.username | quote }}
  password: {random: password}
{{- end }}
{{- if not .Values.operator.webhook.existingSecret }}
{{ $name }}-operator-webhook:
  secret: {random: hex}
{{- end }}
{{- end }}
{{- end }}

{{/* The Secrets that the user named, and the keys they must hold, as JSON. */}}
{{- define "relevo.requiredSecrets" -}}
{{- $required := dict -}}
{{- if .Values.platform }}
{{- range $who := list "promote" "serving" "steps" "ui" }}
{{- $required = set $required (printf "%s-mlflow-%s" $.Values.platform $who) (list "url" "username" "password") }}
{{- end }}
{{- if not .Values.bucket.endpoint }}
{{- $required = set $required (printf "%s-s3" .Values.platform) (list "access-key" "secret-key" "collect-access-key" "collect-secret-key") }}
{{- end }}
{{- range $secret := list (include "relevo.databaseSecret" (list . "raw")) (include "relevo.databaseSecret" (list . "clean")) (include "relevo.servingRawSecret" .) }}
{{- $required = set $required $secret (list "url") }}
{{- end }}
{{- end }}
{{- range $database, $values := .Values.postgres.databases }}
{{- with $values.existingSecret }}{{ $required = set $required . (list "url") }}{{ end }}
{{- with $values.servingSecret }}{{ $required = set $required . (list "url") }}{{ end }}
{{- end }}
{{- range list .Values.bucket.existingSecret .Values.bucket.collectSecret .Values.bucket.mlflowSecret }}
{{- with . }}{{ $required = set $required . (list "access-key" "secret-key") }}{{ end }}
{{- end }}
{{- with include "relevo.sourceField" (list . "sql" "secret") }}{{ $required = set $required . (list "url") }}{{ end }}
{{- with include "relevo.sourceField" (list . "files" "secretName") }}{{ $required = set $required . (list "endpoint" "access-key" "secret-key") }}{{ end }}
{{- with .Values.dask.tlsSecret }}{{ $required = set $required . (list "ca.crt" "tls.crt" "tls.key") }}{{ end }}
{{- with .Values.airflow.existingSecret }}{{ $required = set $required . (list "fernet-key" "jwt-secret" "api-secret-key") }}{{ end }}
{{- with .Values.airflow.login.existingSecret }}{{ $required = set $required . (list "url" "username" "password" "passwords.json") }}{{ end }}
{{- with .Values.airflow.git.existingSecret }}{{ $required = set $required . (list "connection") }}{{ end }}
{{- if .Values.grafana.enabled }}
{{- with .Values.grafana.login.existingSecret }}{{ $required = set $required . (list "username" "password") }}{{ end }}
{{- end }}
{{- if .Values.oauth2Proxy.enabled }}
{{- with .Values.oauth2Proxy.existingSecret }}{{ $required = set $required . (list "client-secret" "cookie-secret") }}{{ end }}
{{- end }}
{{- with .Values.serving.auth.existingSecret }}{{ $required = set $required . (list "keys" "ui-key") }}{{ end }}
{{- with .Values.operator.webhook.existingSecret }}{{ $required = set $required . (list "secret") }}{{ end }}
{{- $required | toJson }}
{{- end }}
