{{/* Parts of pods. */}}

{{- define "tradebot.podSecurity" -}}
runAsNonRoot: true
runAsUser: {{ .user | default 10001 }}
runAsGroup: {{ .user | default 10001 }}
fsGroup: {{ .user | default 10001 }}
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "tradebot.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{- define "tradebot.pullSecrets" -}}
{{- $secrets := list }}
{{- range .Values.images.pullSecrets }}
{{- $secrets = append $secrets (dict "name" .) }}
{{- end }}
{{- toYaml $secrets }}
{{- end }}

{{/* A pod template: dict root, component, extras, spec (YAML), annotations. */}}
{{- define "tradebot.podTemplate" -}}
{{- $extras := .extras | default dict }}
metadata:
  labels:
    {{- merge (dict) ($extras.labels | default dict) (include "tradebot.podLabels" .root | fromYaml) (dict "app.kubernetes.io/component" .component) | toYaml | nindent 4 }}
  {{- $scraped := include "tradebot.scrapeAnnotations" (dict "root" .root "spec" .spec) | fromYaml }}
  {{- with merge (dict) ($extras.annotations | default dict) (.annotations | default dict) $scraped }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  {{- $spec := .spec | fromYaml }}
  {{- if $spec.Error }}{{ fail (printf "%s: %s" .component $spec.Error) }}{{ end }}
  {{- if .root.Values.images.pullSecrets }}
  {{- $_ := set $spec "imagePullSecrets" (include "tradebot.pullSecrets" .root | fromYamlArray) }}
  {{- end }}
  {{- $_ := set $spec "enableServiceLinks" false }}
  {{- $container := first $spec.containers }}
  {{- $env := $container.env | default list }}
  {{- range $name, $value := $extras.env | default dict }}
  {{- $env = append $env (dict "name" $name "value" $value) }}
  {{- end }}
  {{- if $env }}{{ $_ := set $container "env" $env }}{{ end }}
  {{- mergeOverwrite $spec (deepCopy ($extras.pod | default dict)) | toYaml | nindent 2 }}
{{- end }}

{{/*
Where a Prometheus without an operator of its own finds metrics: the port http of a pod that has
one, for its annotations have room for one. dict root, spec (YAML).
*/}}
{{- define "tradebot.scrapeAnnotations" -}}
{{- if include "tradebot.scraped" .root }}
{{- range (.spec | fromYaml).containers }}
{{- range .ports }}
{{- if eq .name "http" }}
prometheus.io/scrape: "true"
prometheus.io/path: /metrics
prometheus.io/port: {{ .containerPort | quote }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- define "tradebot.scraped" -}}
{{- if and .Values.monitoring.annotations (not .Values.monitoring.podMonitors) }}true{{ end }}
{{- end }}

{{/* Probes of a stage. */}}
{{- define "tradebot.probes" -}}
startupProbe:
  httpGet: {path: /livez, port: http}
  periodSeconds: 2
  timeoutSeconds: 3
  failureThreshold: 60
livenessProbe:
  httpGet: {path: /livez, port: http}
  periodSeconds: 10
  timeoutSeconds: 3
readinessProbe:
  httpGet: {path: /readyz, port: http}
  periodSeconds: 5
  timeoutSeconds: 3
{{- end }}
