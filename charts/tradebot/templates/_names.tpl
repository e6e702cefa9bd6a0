{{/* Names and labels. */}}

{{- define "tradebot.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" }}
{{- end }}

{{- define "tradebot.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" }}
{{- else if contains (include "tradebot.name" .) .Release.Name }}
{{- .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "tradebot.name" .) | trunc 40 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "tradebot.labels" -}}
{{ include "tradebot.podLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{/* Labels of pods. None depends on the chart's version, because a change would restart all pods. */}}
{{- define "tradebot.podLabels" -}}
{{- with .Values.commonLabels }}
{{- toYaml . }}
{{ end }}
app.kubernetes.io/name: {{ include "tradebot.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/part-of: tradebot
{{- end }}

{{/* Selector labels of a component's pods: dict root, component. */}}
{{- define "tradebot.selector" -}}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{/* Metadata of an object: dict root, component, name; optional: namespace, labels, annotations. */}}
{{- define "tradebot.metadata" -}}
name: {{ .name }}
namespace: {{ .namespace | default .root.Release.Namespace }}
labels:
  {{- include "tradebot.labels" .root | nindent 2 }}
  app.kubernetes.io/component: {{ .component }}
  {{- with .labels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with merge (dict) (.annotations | default dict) .root.Values.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* One of our images: dict root, name. A name with a tag or digest is used unchanged. */}}
{{- define "tradebot.image" -}}
{{- $images := .root.Values.images }}
{{- $image := index $images .name }}
{{- if contains ":" (base $image) }}
{{- $image }}
{{- else }}
{{- with $images.registry }}{{ . }}/{{ end }}{{ $image }}:{{ $images.tag | default .root.Chart.AppVersion }}
{{- end }}
{{- end }}

{{/*
What is kept apart: each environment of each served namespace, as a JSON list of namespace,
environment, prefix of its topics, a slug for names, and the prefix of its indices.
The operator computes the same prefixes. What a realm has depends on nothing but its namespace and
environment: where another one comes or goes, its documents must not move.
*/}}
{{- define "tradebot.environments" -}}
{{- $listed := .Values.environments | default list }}
{{- if .Values.emulator.enabled }}
{{- $listed = concat (list "Emulator") $listed | uniq }}
{{- end }}
{{- toJson $listed }}
{{- end }}

{{- define "tradebot.namespaces" -}}
{{- toJson (.Values.operator.watchNamespaces | default (list .Release.Namespace)) }}
{{- end }}

{{- define "tradebot.realms" -}}
{{- $realms := list }}
{{- $root := . }}
{{- $external := .Values.elasticsearch.external }}
{{- $index := ternary ($external.indexPrefix | default "tradebot") "tradebot" (not (empty $external.url)) }}
{{- range $namespace := include "tradebot.namespaces" . | fromJsonArray }}
{{- range $environment := include "tradebot.environments" $root | fromJsonArray }}
{{- $place := ternary "" (printf "%s." $namespace) (eq $namespace $root.Release.Namespace) }}
{{- $slug := printf "%s%s" (replace "." "-" $place) (lower $environment) }}
{{- $realm := dict "namespace" $namespace "environment" $environment "slug" $slug "indexPrefix" (printf "%s_%s" $index (replace "-" "_" $slug)) }}
{{- $_ := set $realm "prefix" (printf "%s%s%s." $root.Values.topics.prefix $place (lower $environment)) }}
{{- $realms = append $realms $realm }}
{{- end }}
{{- end }}
{{- toJson $realms }}
{{- end }}
