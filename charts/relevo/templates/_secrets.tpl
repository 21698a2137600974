{{/* What relevo-install makes if it is missing; docs/installing.md has the format. */}}
{{- define "relevo.secrets" -}}
{{- $name := .Release.Name -}}
{{- range $database, $values := .Values.postgres.databases }}
{{- if not $values.existingSecret }}
{{- $host := printf "%s-%s" $name (eq $database "airflow" | ternary "airflow-db" $database) }}
{{- $scheme := has $database (list "airflow" "metadata") | ternary "postgresql+psycopg2" "postgresql" }}
{{ $host }}:
  username: relevo
  password: {random: password}
  url: {url: "{{ $scheme }}://{username}:{password}@{{ $host }}:5432/{{ $database }}"}
{{- if eq $database "raw" }}
{{ $host }}-serving:
  username: relevo_serving
  password: {random: password}
  url: {url: "{{ $scheme }}://{username}:{password}@{{ $host }}:5432/{{ $database }}"}
{{- end }}
{{- end }}
{{- end }}
{{- if not .Values.bucket.endpoint }}
{{ $name }}-s3:
  access-key: {random: hex}
  secret-key: {random: password}
  identities.json:
    json:
      identities:
        - name: relevo
          credentials: [{accessKey: "{access-key}", secretKey: "{secret-key}"}]
          actions: [Admin, Read, Write, List, Tagging]
{{- end }}
{{ $name }}-mlflow:
  webhook-encryption-key: {random: fernet}
{{- if not .Values.airflow.existingSecret }}
{{ $name }}-airflow:
  fernet-key: {random: fernet}
  jwt-secret: {random: hex}
  api-secret-key: {random: hex}
{{- end }}
{{- if not .Values.airflow.login.existingSecret }}
{{ $name }}-airflow-login:
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

{{/* The Secrets that the user named, and the keys they must hold, as JSON. */}}
{{- define "relevo.requiredSecrets" -}}
{{- $required := dict -}}
{{- range $database, $values := .Values.postgres.databases }}
{{- with $values.existingSecret }}{{ $required = set $required . (list "url") }}{{ end }}
{{- with $values.servingSecret }}{{ $required = set $required . (list "url") }}{{ end }}
{{- end }}
{{- with .Values.bucket.existingSecret }}{{ $required = set $required . (list "access-key" "secret-key") }}{{ end }}
{{- with .Values.dask.tlsSecret }}{{ $required = set $required . (list "ca.crt" "tls.crt" "tls.key") }}{{ end }}
{{- with .Values.airflow.existingSecret }}{{ $required = set $required . (list "fernet-key" "jwt-secret" "api-secret-key") }}{{ end }}
{{- with .Values.airflow.login.existingSecret }}{{ $required = set $required . (list "username" "password" "passwords.json") }}{{ end }}
{{- with .Values.airflow.git.existingSecret }}{{ $required = set $required . (list "connection") }}{{ end }}
{{- if .Values.grafana.enabled }}
{{- with .Values.grafana.login.existingSecret }}{{ $required = set $required . (list "username" "password") }}{{ end }}
{{- end }}
{{- with .Values.operator.webhook.existingSecret }}{{ $required = set $required . (list "secret") }}{{ end }}
{{- $required | toJson }}
{{- end }}
