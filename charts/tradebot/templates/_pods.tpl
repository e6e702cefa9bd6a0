{{/* Parts of pods. */}}

{{/* A pod's security: dict root; optional: user. OpenShift chooses the user of each pod itself. */}}
{{- define "tradebot.podSecurity" -}}
runAsNonRoot: true
{{- if not .root.Values.openshift }}
runAsUser: {{ .user | default 10001 }}
runAsGroup: {{ .user | default 10001 }}
fsGroup: {{ .user | default 10001 }}
{{- end }}
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "tradebot.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{/* JSON: the names of the registry's Secrets, the chart's own and those of `global`. */}}
{{- define "tradebot.pullSecretNames" -}}
{{- $names := .Values.images.pullSecrets | default list }}
{{- range (.Values.global | default dict).imagePullSecrets }}
{{- if kindIs "string" . }}
{{- $names = append $names . }}
{{- else }}
{{- $names = append $names .name }}
{{- end }}
{{- end }}
{{- uniq $names | toJson }}
{{- end }}

{{- define "tradebot.pullSecrets" -}}
{{- $secrets := list }}
{{- range include "tradebot.pullSecretNames" . | fromJsonArray }}
{{- $secrets = append $secrets (dict "name" .) }}
{{- end }}
{{- toYaml $secrets }}
{{- end }}

{{/*
A pod template: dict root, component, spec (YAML); optional: annotations, extras, where (the value that
the extras come from), and everyContainer, if variables and mounts are for more than the first container.
The extras join or replace what the chart has, by name.
*/}}
{{- define "tradebot.podTemplate" -}}
{{- $extras := .extras | default dict }}
{{- include "tradebot.freeLabels" (dict "labels" $extras.labels "where" (printf "%s.labels" (.where | default .component))) }}
metadata:
  labels:
    {{- merge (dict "app.kubernetes.io/component" .component) ($extras.labels | default dict) (include "tradebot.podLabels" .root | fromYaml) | toYaml | nindent 4 }}
  {{- $scraped := include "tradebot.scrapeAnnotations" (dict "root" .root "spec" .spec) | fromYaml }}
  {{- with merge (dict) ($extras.annotations | default dict) (.annotations | default dict) $scraped }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  {{- include "tradebot.podSpec" . | nindent 2 }}
{{- end }}

{{/* The spec of a pod with its extras: as above. */}}
{{- define "tradebot.podSpec" -}}
{{- $extras := .extras | default dict }}
{{- $spec := .spec | fromYaml }}
{{- if $spec.Error }}{{ fail (printf "%s: %s" .component $spec.Error) }}{{ end }}
{{- $secrets := include "tradebot.pullSecrets" .root | fromYamlArray }}
{{- if $secrets }}
{{- $_ := set $spec "imagePullSecrets" $secrets }}
{{- end }}
{{- $_ := set $spec "enableServiceLinks" false }}
{{- with .root.Values.scheduling.priorityClassName }}
{{- $_ := set $spec "priorityClassName" . }}
{{- end }}
{{- range $container := $spec.containers }}
{{- if or $.everyContainer (eq $container.name (first $spec.containers).name) }}
{{- $over := dict "env" (include "tradebot.variables" ($extras.env | default dict) | fromJsonArray) "envFrom" ($extras.envFrom | default list) "volumeMounts" ($extras.volumeMounts | default list) }}
{{- include "tradebot.overlay" (dict "base" $container "over" $over) }}
{{- end }}
{{- end }}
{{- include "tradebot.overlay" (dict "base" $spec "over" (dict "volumes" ($extras.volumes | default list) "containers" ($extras.sidecars | default list))) }}
{{- include "tradebot.overlay" (dict "base" $spec "over" ($extras.pod | default dict)) }}
{{- toYaml $spec }}
{{- end }}

{{/* JSON: environment variables, of a mapping of names to a text or to an object with `valueFrom`. */}}
{{- define "tradebot.variables" -}}
{{- $variables := list }}
{{- range $name, $value := . }}
{{- $variable := dict "name" $name "value" $value }}
{{- if kindIs "map" $value }}
{{- $variable = merge (dict "name" $name) $value }}
{{- end }}
{{- $variables = append $variables $variable }}
{{- end }}
{{- toJson $variables }}
{{- end }}

{{/*
Merges `over` into `base` in place: mappings are merged, lists by "tradebot.overlayList", and all else
is replaced.
*/}}
{{- define "tradebot.overlay" -}}
{{- range $key, $value := .over }}
{{- $old := get $.base $key }}
{{- if and (kindIs "map" $value) (kindIs "map" $old) }}
{{- include "tradebot.overlay" (dict "base" $old "over" $value) }}
{{- else if and (kindIs "slice" $value) (kindIs "slice" $old) }}
{{- $_ := set $.base $key (include "tradebot.overlayList" (dict "base" $old "over" $value "key" $key) | fromJsonArray) }}
{{- else if not (and (kindIs "slice" $value) (empty $value)) }}
{{- $_ := set $.base $key $value }}
{{- end }}
{{- end }}
{{- end }}

{{/*
JSON: a list with the items of another: dict base, over, key (what the list is called). An item with
the same mountPath or the same name as an old one replaces it; a container is merged with it. Other
mappings are appended. A list of plain values, such as a command, is replaced.
*/}}
{{- define "tradebot.overlayList" -}}
{{- $items := list }}
{{- $over := .over }}
{{- $merged := has .key (list "containers" "initContainers") }}
{{- range $old := .base }}
{{- $new := include "tradebot.named" (dict "items" $over "like" $old) | fromJson }}
{{- if and $new $merged }}
{{- include "tradebot.overlay" (dict "base" $old "over" $new) }}
{{- end }}
{{- if kindIs "map" $old }}
{{- $items = append $items (ternary $new $old (and (not (empty $new)) (not $merged))) }}
{{- end }}
{{- end }}
{{- range $new := $over }}
{{- if or (not (kindIs "map" $new)) (empty (include "tradebot.named" (dict "items" $.base "like" $new) | fromJson)) }}
{{- $items = append $items $new }}
{{- end }}
{{- end }}
{{- toJson $items }}
{{- end }}

{{/* JSON: the item of a list with the mountPath or name of another, or an empty object: dict items, like. */}}
{{- define "tradebot.named" -}}
{{- $found := dict }}
{{- if kindIs "map" .like }}
{{- $key := ternary "mountPath" "name" (hasKey .like "mountPath") }}
{{- range .items }}
{{- if and (kindIs "map" .) (hasKey $.like $key) (hasKey . $key) }}
{{- if eq (get . $key | toString) (get $.like $key | toString) }}{{ $found = . }}{{ end }}
{{- end }}
{{- end }}
{{- end }}
{{- toJson $found }}
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
