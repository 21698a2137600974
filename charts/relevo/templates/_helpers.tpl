{{/* Labels that never change: what selectors select by. Takes (list $ component). */}}
{{- define "relevo.selector" -}}
app.kubernetes.io/instance: {{ (index . 0).Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{- define "relevo.labels" -}}
{{ include "relevo.selector" . }}
app.kubernetes.io/name: relevo
app.kubernetes.io/part-of: relevo
{{- end }}

{{/* Argo CD applies a wave after the one before it is healthy; Helm ignores it. Only what everything needs goes first: a
sync that waits for a bad pod takes no commit that mends it. */}}
{{- define "relevo.wave" -}}
argocd.argoproj.io/sync-wave: {{ . | quote }}
{{- end }}

{{/* One of Relevo's own images: its own tag, or the one that is said for all. Takes (list $ image). */}}
{{- define "relevo.image" -}}
{{- $root := index . 0 -}}
{{- $image := index . 1 -}}
{{ $root.Values.image.registry }}/{{ $image.repository }}:{{ $image.tag | default $root.Values.image.tag | default $root.Chart.AppVersion }}
{{- end }}

{{/* Somebody else's image: its tag, for people to read, and its digest, if there is one, for the node. */}}
{{- define "relevo.upstreamImage" -}}
{{ .repository }}:{{ .tag }}{{ with .digest }}@{{ . }}{{ end }}
{{- end }}

{{/* What every pod has in common. Takes (list $ uid). */}}
{{- define "relevo.pod" -}}
{{- $root := index . 0 -}}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with $root.Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: {{ index . 1 }}
  runAsGroup: {{ index . 1 }}
  fsGroup: {{ index . 1 }}
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "relevo.container" -}}
securityContext:
  allowPrivilegeEscalation: false
  capabilities: {drop: [ALL]}
  readOnlyRootFilesystem: true
{{- end }}

{{/* A folder that goes with the pod, at most as large as what the container may have of the node's disk. Takes
(list name resources). */}}
{{- define "relevo.scratch" -}}
- {name: {{ index . 0 }}, emptyDir: {sizeLimit: {{ dig "limits" "ephemeral-storage" "1Gi" (index . 1) }}}}
{{- end }}

{{/* Text as the value of a variable, or an argument: the kubelet takes $(NAME) for a variable's value, and $$ for a $. */}}
{{- define "relevo.text" -}}
{{ . | toString | replace "$" "$$" | quote }}
{{- end }}

{{/* Keys of Secrets as files, /secrets/NAME/KEY. So no password is in an environment, where $(VARIABLE) in a text would
stand for it. Both take a dict of NAME to (list secret key key ...), a key as KEY=FILE if its file has another name. */}}
{{- define "relevo.secretMounts" -}}
{{- range $name, $_ := . }}
- {name: {{ $name }}, mountPath: /secrets/{{ $name }}, readOnly: true}
{{- end }}
{{- end }}

{{- define "relevo.secretVolumes" -}}
{{- range $name, $secret := . }}
- name: {{ $name }}
  secret:
    secretName: {{ first $secret }}
    defaultMode: 0440
    items:
      {{- range rest $secret }}
      - {key: {{ splitList "=" . | first }}, path: {{ splitList "=" . | last }}}
      {{- end }}
{{- end }}
{{- end }}

{{/* The databases whose servers the release brings: a guest's RAW and CLEAN are on its platform's. */}}
{{- define "relevo.databases" -}}
{{ empty .Values.platform | ternary "airflow clean metadata raw" "" }}
{{- end }}

{{/* The Secret of a database. Takes (list $ database). */}}
{{- define "relevo.databaseSecret" -}}
{{- $root := index . 0 -}}
{{- $own := printf "%s-%s" $root.Release.Name (eq (index . 1) "airflow" | ternary "airflow-db" (index . 1)) -}}
{{ (index $root.Values.postgres.databases (index . 1)).existingSecret | default $own }}
{{- end }}

{{/* RAW as the inference API reaches it: its own login, or in a database of yours what you say. */}}
{{- define "relevo.servingRawSecret" -}}
{{- $raw := .Values.postgres.databases.raw -}}
{{ $raw.servingSecret | default $raw.existingSecret | default (printf "%s-raw-serving" .Release.Name) }}
{{- end }}

{{/* The release whose Airflow, MLflow, operator and bucket these are. */}}
{{- define "relevo.platform" -}}
{{ .Values.platform | default .Release.Name }}
{{- end }}

{{/* The names of the use cases that this release's Airflow and MLflow are for. */}}
{{- define "relevo.models" -}}
{{ include "relevo.model" . }}{{ range .Values.guests }} {{ .name }}{{ end }}
{{- end }}

{{- define "relevo.bucketEndpoint" -}}
{{ .Values.bucket.endpoint | default (printf "http://%s-s3:8333" (include "relevo.platform" .)) }}
{{- end }}

{{/* The bucket's keys of collect or mlflow, which reach a prefix of it each, or of nobody: all of it. Takes (list $ who). */}}
{{- define "relevo.bucketKeys" -}}
{{- $bucket := (index . 0).Values.bucket -}}
{{- $who := index . 1 -}}
{{- if $bucket.endpoint -}}
{{ list (get $bucket (printf "%sSecret" $who) | default $bucket.existingSecret) "access-key" "secret-key" | toJson }}
{{- else -}}
{{- $of := $who | empty | ternary "" (printf "%s-" $who) -}}
{{ list (printf "%s-s3" (include "relevo.platform" (index . 0))) (printf "%saccess-key=access-key" $of) (printf "%ssecret-key=secret-key" $of) | toJson }}
{{- end -}}
{{- end }}

{{- define "relevo.airflowSecret" -}}
{{ .Values.airflow.existingSecret | default (printf "%s-airflow" (include "relevo.platform" .)) }}
{{- end }}

{{- define "relevo.loginSecret" -}}
{{ .Values.airflow.login.existingSecret | default (printf "%s-airflow-login" (include "relevo.platform" .)) }}
{{- end }}

{{- define "relevo.webhookSecret" -}}
{{ .Values.operator.webhook.existingSecret | default (printf "%s-operator-webhook" .Release.Name) }}
{{- end }}

{{/* Where a person's browser finds a part: as the values say, or by its name in hosts. Takes (list $ part otherwise). */}}
{{- define "relevo.uiUrl" -}}
{{- $root := index . 0 -}}
{{- $part := index . 1 -}}
{{- $host := get $root.Values.hosts $part -}}
{{- $outside := and $host (printf "%s://%s" (ternary "https" "http" $root.Values.hosts.https) $host) -}}
{{ (index $root.Values $part).uiUrl | default $outside | default (index . 2) }}
{{- end }}

{{/* "true" if people log in before they come to a part from outside. Takes (list $ part). */}}
{{- define "relevo.guarded" -}}
{{- $root := index . 0 -}}
{{- if and $root.Values.oauth2Proxy.enabled (has (index . 1) (list "ui" "mlflow")) (get $root.Values.hosts (index . 1)) }}true{{ end }}
{{- end }}

{{/* MLflow's users, by the part that logs in as each; what each may do stands in images/mlflow/door/relevo_logins.py. */}}
{{- define "relevo.mlflowUsers" -}}
admin operator people promote serving steps ui
{{- end }}

{{/* Where MLflow is and the login for it, which belong together, as files. Takes (list $ user). */}}
{{- define "relevo.mlflowLogin" -}}
{{ list (printf "%s-mlflow-%s" (include "relevo.platform" (index . 0)) (index . 1)) "url" "username" "password" | toJson }}
{{- end }}

{{- define "relevo.mlflowEnv" -}}
- {name: MLFLOW_TRACKING_URI_FILE, value: /secrets/mlflow/url}
- {name: MLFLOW_TRACKING_USERNAME_FILE, value: /secrets/mlflow/username}
- {name: MLFLOW_TRACKING_PASSWORD_FILE, value: /secrets/mlflow/password}
{{- end }}

{{- define "relevo.mlflowUrl" -}}
http://{{ include "relevo.platform" . }}-mlflow:5000
{{- end }}

{{/* Where MLflow tells the operator of aliases that move. */}}
{{- define "relevo.webhookUrl" -}}
http://{{ .Release.Name }}-operator.{{ .Release.Namespace }}.svc:8080/webhooks/mlflow
{{- end }}
