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

{{/* One of Relevo's own images: its own tag, or the one that is said for all, or the one that was published. Takes
(list $ image). */}}
{{- define "relevo.image" -}}
{{- $root := index . 0 -}}
{{- $image := index . 1 -}}
{{- $published := index $root.Values.image.tags $image.repository -}}
{{ $root.Values.image.registry }}/{{ $image.repository }}:{{ $image.tag | default $root.Values.image.tag | default $published | default $root.Chart.AppVersion }}
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

{{/* Text as the value of a variable, or an argument: the kubelet takes $(NAME) for a variable's value, and $$ for a $. */}}
{{- define "relevo.text" -}}
{{ . | toString | replace "$" "$$" | quote }}
{{- end }}

{{/* Keys of Secrets as files, /secrets/NAME/KEY. So no password is in an environment, where $(VARIABLE) in a text would
stand for it. Both take a dict of NAME to (list secret key key ...). */}}
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
      - {key: {{ . }}, path: {{ . }}}
      {{- end }}
{{- end }}
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

{{- define "relevo.bucketSecret" -}}
{{ .Values.bucket.existingSecret | default (printf "%s-s3" .Release.Name) }}
{{- end }}

{{- define "relevo.bucketEndpoint" -}}
{{ .Values.bucket.endpoint | default (printf "http://%s-s3:8333" .Release.Name) }}
{{- end }}

{{- define "relevo.bucketKeys" -}}
{{ list (include "relevo.bucketSecret" .) "access-key" "secret-key" | toJson }}
{{- end }}

{{- define "relevo.airflowSecret" -}}
{{ .Values.airflow.existingSecret | default (printf "%s-airflow" .Release.Name) }}
{{- end }}

{{- define "relevo.loginSecret" -}}
{{ .Values.airflow.login.existingSecret | default (printf "%s-airflow-login" .Release.Name) }}
{{- end }}

{{- define "relevo.webhookSecret" -}}
{{ .Values.operator.webhook.existingSecret | default (printf "%s-operator-webhook" .Release.Name) }}
{{- end }}

{{- define "relevo.sourceUrl" -}}
{{ .Values.source.url | default (printf "http://%s-source:8000" .Release.Name) }}
{{- end }}

{{- define "relevo.mlflowUrl" -}}
http://{{ .Release.Name }}-mlflow:5000
{{- end }}
