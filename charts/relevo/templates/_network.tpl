{{/* The port of an address: its own, or its scheme's; git's short form, user@host:path, is SSH. */}}
{{- define "relevo.port" -}}
{{- if contains "://" . }}
{{- $url := urlParse . }}
{{- $schemes := dict "http" "80" "https" "443" "ssh" "22" "git" "9418" }}
{{- regexFind ":[0-9]+$" $url.host | trimPrefix ":" | default (get $schemes $url.scheme) | default "443" }}
{{- else }}22{{ end }}
{{- end }}

{{/* The parts that the platform's release has, and a guest's has not. */}}
{{- define "relevo.platformParts" -}}
raw clean metadata airflow-db s3 mlflow operator airflow scheduler dag-processor airflow-migrate backup prometheus grafana
{{- end }}

{{/* "true" if a part is of another release. Takes (list $ part). */}}
{{- define "relevo.elsewhere" -}}
{{- if and (index . 0).Values.platform (has (index . 1) (include "relevo.platformParts" (index . 0) | splitList " ")) }}true{{ end }}
{{- end }}

{{/* Labels that select the pods of a part of a guest: a release that uses this one's servers. Takes (list guest part). */}}
{{- define "relevo.podsOfGuest" -}}
{{- $guest := index . 0 -}}
{{- $part := index . 1 -}}
{{- if eq $part "serving" -}}
relevo.dev/modeldeployment: {{ $guest.name }}
{{- else -}}
app.kubernetes.io/instance: {{ $guest.release }}
app.kubernetes.io/component: {{ hasPrefix "step-" $part | ternary "step" $part }}
{{- if hasPrefix "step-" $part }}
relevo.dev/step: {{ trimPrefix "step-" $part }}
{{- end }}
{{- end }}
{{- end }}

{{/* Labels that select the pods of a part, as relevo.connections names it. Takes (list $ part). */}}
{{- define "relevo.podsOf" -}}
{{- $root := index . 0 -}}
{{- $part := index . 1 -}}
{{- if include "relevo.elsewhere" . -}}
app.kubernetes.io/instance: {{ $root.Values.platform }}
app.kubernetes.io/component: {{ $part }}
{{- else if eq $part "serving" -}}
relevo.dev/modeldeployment: {{ include "relevo.model" $root }}
{{- else if eq $part "dask-workers" -}}
{{ toYaml $root.Values.dask.workerLabels }}
{{- else if hasPrefix "step-" $part -}}
{{ include "relevo.selector" (list $root "step") }}
relevo.dev/step: {{ trimPrefix "step-" $part }}
{{- else -}}
{{ include "relevo.selector" . }}
{{- end }}
{{- end }}

{{/* Who asks whom, as YAML: of each part the port that it is asked at, whose pods ask it, and the port of its metrics.
A part that is not installed, or is nobody's of the release, has `outside`: its entry in allowTo. Both directions of the
NetworkPolicies are made from this, so that they cannot differ. */}}
{{- define "relevo.connections" -}}
{{- $databases := .Values.postgres.databases }}
{{- $exporter := .Values.postgres.exporter.enabled }}
raw:
  port: 5432
  from: [step-collect, step-clean, step-decide, prepare{{ if .Values.serving.storeInferences }}, step-promote, serving{{ end }}]
  {{- if $databases.raw.existingSecret }}
  outside: databases
  {{- else if $exporter }}
  metrics: 9187
  {{- end }}
clean:
  port: 5432
  from: [step-clean, step-decide, step-train, step-promote, prepare{{ if .Values.dask.workerLabels }}, dask-workers{{ end }}]
  {{- if $databases.clean.existingSecret }}
  outside: databases
  {{- else if $exporter }}
  metrics: 9187
  {{- end }}
metadata:
  port: 5432
  from: [mlflow]
  {{- if $databases.metadata.existingSecret }}
  outside: databases
  {{- else if $exporter }}
  metrics: 9187
  {{- end }}
airflow-db:
  port: 5432
  from: [airflow, scheduler, dag-processor, airflow-migrate]
  {{- if $databases.airflow.existingSecret }}
  outside: databases
  {{- else if $exporter }}
  metrics: 9187
  {{- end }}
s3:
  port: {{ include "relevo.bucketEndpoint" . | include "relevo.port" }}
  from: [step-collect, prepare, mlflow, backup]
  {{- if .Values.bucket.endpoint }}
  outside: bucket
  {{- end }}
{{- $kind := include "relevo.sourceKind" . }}
{{- if eq $kind "http" }}
source:
  port: {{ include "relevo.sourceUrl" . | include "relevo.port" }}
  from: [step-collect, test]
  {{- if not (include "relevo.demoSource" .) }}
  outside: source
  {{- end }}
{{- else if eq $kind "sql" }}
source: {port: 5432, from: [step-collect], outside: source}
{{- else if include "relevo.sourceField" (list . "files" "secretName") }}
source: {port: 443, from: [step-collect], outside: source}
{{- else if not (include "relevo.sourceFolder" .) }}
source: {port: {{ include "relevo.bucketEndpoint" . | include "relevo.port" }}, from: [step-collect], outside: source}
{{- end }}
mlflow: {port: 5000, from: [step-decide, step-train, step-promote, operator, serving, ui, test{{ if include "relevo.guarded" (list $ "mlflow") }}, mlflow-login{{ end }}], metrics: 5000}
operator: {port: 8080, from: [mlflow, test], metrics: 8080}
airflow: {port: 8080, from: [scheduler, dag-processor, operator, test], metrics: 8080}
scheduler: {port: 8793, from: [airflow]}
serving: {port: {{ .Values.serving.port }}, from: [ui, test], metrics: {{ .Values.serving.port }}}
ui: {port: 8501, from: [test{{ if include "relevo.guarded" (list $ "ui") }}, ui-login{{ end }}], metrics: 8501}
{{- $logins := list }}
{{- range $part := list "ui" "mlflow" }}
{{- if include "relevo.guarded" (list $ $part) }}
{{- $logins = append $logins (printf "%s-login" $part) }}
{{ $part }}-login: {port: 4180, from: []}
{{- end }}
{{- end }}
{{- with $logins }}
openid: {port: {{ include "relevo.port" $.Values.oauth2Proxy.issuerUrl }}, from: [{{ join ", " . }}], outside: openid}
{{- end }}
{{- if .Values.platform }}
prometheus: {}
{{- else if .Values.prometheus.enabled }}
prometheus: {port: 9090, from: [{{ if not .Values.grafana.prometheusUrl }}grafana, {{ end }}test]}
{{- range $place, $address := .Values.prometheus.alertmanagers }}
alertmanager-{{ $place }}: {port: {{ printf "http://%s" $address | include "relevo.port" }}, from: [prometheus], outside: alertmanagers}
{{- end }}
{{- end }}
{{- if .Values.grafana.enabled }}
grafana: {port: 3000, from: [test], metrics: 3000}
{{- with .Values.grafana.prometheusUrl }}
prometheus-of-yours: {port: {{ include "relevo.port" . }}, from: [grafana], outside: prometheus}
{{- end }}
{{- end }}
{{- with .Values.airflow.git.url }}
git: {port: {{ include "relevo.port" . }}, from: [scheduler, dag-processor], outside: git}
{{- end }}
{{- with .Values.dask.scheduler }}
dask: {port: {{ include "relevo.port" . }}, from: [step-train], outside: dask}
{{- end }}
kubernetesApi: {port: 443, from: [operator, scheduler, install], outside: kubernetesApi}
registries: {from: [operator], outside: registries}
# Nobody asks these.
step-collect: {}
step-clean: {}
step-decide: {}
step-train: {}
step-promote: {}
prepare: {}
backup: {}
install: {}
dag-processor: {}
airflow-migrate: {}
test: {}
{{- end }}
