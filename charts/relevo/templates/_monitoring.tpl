{{/* "true" if a Prometheus operator's kinds are there and wanted. */}}
{{- define "relevo.monitors" -}}
{{- if and .Values.monitors.enabled (.Capabilities.APIVersions.Has "monitoring.coreos.com/v1") }}true{{ end }}
{{- end }}

{{/* "true" if anybody asks for metrics: what costs something is told only then. */}}
{{- define "relevo.watched" -}}
{{- if or .Values.platform .Values.prometheus.enabled .Values.prometheus.external (include "relevo.monitors" .) }}true{{ end }}
{{- end }}

{{- define "relevo.grafanaSecret" -}}
{{ .Values.grafana.login.existingSecret | default (printf "%s-grafana-login" .Release.Name) }}
{{- end }}

{{/* The rules of files/alerts.yaml, with the values' limits, addresses and changes. */}}
{{- define "relevo.rules" -}}
{{- $alerts := .Values.alerts }}
{{- $limit := printf "> %d" (int $alerts.noBatchSeconds) }}
{{- $groups := list }}
{{- range $group := (.Files.Get "files/alerts.yaml" | fromYaml).groups }}
{{- $rules := list }}
{{- range $rule := $group.rules }}
{{- if $rule.alert }}
{{- $rule = set $rule "expr" ($rule.expr | replace "> 86400" $limit) }}
{{- if $alerts.runbooks }}
{{- $_ := set $rule.annotations "runbook_url" ($rule.annotations.runbook_url | replace "docs/runbooks.md" $alerts.runbooks) }}
{{- end }}
{{- if hasKey $alerts.change $rule.alert }}
{{- $rule = ternary (mergeOverwrite $rule (get $alerts.change $rule.alert | default dict)) dict (kindIs "map" (get $alerts.change $rule.alert)) }}
{{- end }}
{{- end }}
{{- if $rule }}{{ $rules = append $rules $rule }}{{ end }}
{{- end }}
{{- if $rules }}{{ $groups = append $groups (dict "name" $group.name "rules" $rules) }}{{ end }}
{{- end }}
{{- dict "groups" $groups | toYaml }}
{{- end }}
