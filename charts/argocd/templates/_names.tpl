{{- define "relevo-argocd.labels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- /* The cluster that Argo CD itself runs in. */ -}}
{{- define "relevo-argocd.own-cluster" -}}
https://kubernetes.default.svc
{{- end }}

{{- define "relevo-argocd.project" -}}
{{ ternary .Release.Name .Values.project.name .Values.project.create }}
{{- end }}
