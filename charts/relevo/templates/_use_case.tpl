{{/* The text of use_case.yaml: the one that is given, or that of house prices. */}}
{{- define "relevo.useCaseText" -}}
{{- .Values.useCase | default (.Files.Get "files/use_case.yaml") -}}
{{- end }}

{{/* The use case, as JSON. What can be seen here is refused here, so that nothing is installed; `relevo-job prepare` reads
it strictly, and refuses the rest by its lines. */}}
{{- define "relevo.useCase" -}}
{{- $text := include "relevo.useCaseText" . -}}
{{- if gt (len $text) 900000 }}
{{- fail (printf "useCase: expected at most 900,000 bytes, which a ConfigMap holds, got %d" (len $text)) }}
{{- end -}}
{{- $read := fromYaml $text -}}
{{- if and (hasKey $read "Error") (not (hasKey $read "name")) }}
{{- fail (printf "useCase: expected the text of a use_case.yaml, as --set-file useCase=use_case.yaml gives it, got what is no YAML mapping: %s" $read.Error) }}
{{- end -}}
{{- range $key := list "name" "source" "target" "columns" }}
{{- if not (get $read $key) }}
{{- fail (printf "useCase: expected %s, it is missing: write it (docs/use-case.md)" $key) }}
{{- end }}
{{- if and (ne $key "name") (not (kindIs "map" (get $read $key))) }}
{{- fail (printf "useCase: expected fields below %s, got %v (docs/use-case.md)" $key (get $read $key)) }}
{{- end }}
{{- end -}}
{{- if not (and (kindIs "string" $read.name) (regexMatch "^[a-z]([a-z0-9-]{0,48}[a-z0-9])?$" (toString $read.name))) }}
{{- fail (printf "useCase: expected a name of up to 50 small letters, digits and hyphens that begins with a letter, for a Service is called so, got %v" $read.name) }}
{{- end -}}
{{- $sources := list }}
{{- range $kind := list "http" "files" "sql" }}
{{- if kindIs "map" (get $read.source $kind) }}{{ $sources = append $sources $kind }}{{ end }}
{{- end -}}
{{- if ne (len $sources) 1 }}
{{- fail (printf "useCase: expected one source, http, files or sql, with its fields, got %s" (join " and " $sources | default "none")) }}
{{- end -}}
{{- $kind := first $sources -}}
{{- $field := get (dict "files" "path" "sql" "secret") $kind -}}
{{- if and $field (not (kindIs "string" (get (get $read.source $kind) $field | default false))) }}
{{- fail (printf "useCase: expected %s in source.%s, it is missing: write it (docs/use-case.md)" $field $kind) }}
{{- end -}}
{{- $auto := list }}
{{- range $name, $column := $read.columns }}
{{- $type := kindIs "map" $column | ternary (get (kindIs "map" $column | ternary $column dict) "type") $column }}
{{- if eq (toString $type) "auto" }}{{ $auto = append $auto $name }}{{ end }}
{{- end -}}
{{- with $auto }}
{{- fail (printf "useCase: expected the type of every column, %s: auto: run `relevo check`, which writes them, and look at what it wrote" (join ", " .)) }}
{{- end -}}
{{- $read | toJson }}
{{- end }}

{{/* The name of all that is made of the use case: registered model, experiment, ModelDeployment, Service and DAG. */}}
{{- define "relevo.model" -}}
{{ .Values.model.name | default (include "relevo.useCase" . | fromJson).name }}
{{- end }}

{{/* Where the steps and the UI read it: a file alone, so that what an image has beside it (hooks) stays. */}}
{{- define "relevo.useCaseMount" -}}
- {name: use-case, mountPath: /etc/relevo/use_case.yaml, subPath: use_case.yaml, readOnly: true}
{{- end }}

{{- define "relevo.useCaseVolume" -}}
- name: use-case
  configMap: {name: {{ .Release.Name }}-use-case}
{{- end }}

{{/* The kind of its source: http, files or sql. */}}
{{- define "relevo.sourceKind" -}}
{{- range $kind, $fields := (include "relevo.useCase" . | fromJson).source }}{{ if kindIs "map" $fields }}{{ $kind }}{{ end }}{{ end }}
{{- end }}

{{/* A field of its source, or nothing. Takes (list $ kind field). */}}
{{- define "relevo.sourceField" -}}
{{- $source := (include "relevo.useCase" (index . 0) | fromJson).source -}}
{{- $found := get (get $source (index . 1) | default dict) (index . 2) | default "" -}}
{{ kindIs "float64" $found | ternary (int64 $found) $found }}
{{- end }}

{{/* "true" if the demo's server is installed: made-up house prices. */}}
{{- define "relevo.demoSource" -}}
{{- if and (not .Values.source.url) (or .Values.source.demo (not .Values.useCase)) }}true{{ end }}
{{- end }}

{{/* Of an http source, its address: what is declared, what the values say, or the demo's. */}}
{{- define "relevo.sourceUrl" -}}
{{ include "relevo.sourceField" (list . "http" "url") | default .Values.source.url | default (printf "http://%s-source:8000" .Release.Name) }}
{{- end }}

{{/* Batches are kept by a group's number: of an http source, the one that it knows us by. */}}
{{- define "relevo.group" -}}
{{ include "relevo.sourceField" (list . "http" "group") | default (toString .Values.source.group) | default "1" }}
{{- end }}

{{- define "relevo.day" -}}
{{ include "relevo.sourceField" (list . "http" "day") | default .Values.source.day }}
{{- end }}

{{/* The folder of a files source that is none of a bucket's, or nothing. */}}
{{- define "relevo.sourceFolder" -}}
{{- $path := include "relevo.sourceField" (list . "files" "path") -}}
{{ hasPrefix "s3://" $path | ternary "" $path }}
{{- end }}
