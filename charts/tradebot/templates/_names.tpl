{{/* Names and labels. */}}

{{/*
Gives each value that is missing its default. Helm drops a value that is set to null; here that means
that it is as if it had not been set. Every template calls this first.
*/}}
{{- define "tradebot.complete" -}}
{{- include "tradebot.fill" (dict "into" .Values "from" (.Files.Get "files/defaults.json" | fromJson)) }}
{{- end }}

{{/* Resources and other mappings of the user's own are left as they are: there a null removes an entry. */}}
{{- define "tradebot.fill" -}}
{{- range $key, $default := .from }}
{{- $value := get $.into $key }}
{{- if or (not (hasKey $.into $key)) (kindIs "invalid" $value) }}
{{- $_ := set $.into $key $default }}
{{- else if and (kindIs "map" $default) (kindIs "map" $value) (ne $key "resources") }}
{{- include "tradebot.fill" (dict "into" $value "from" $default) }}
{{- end }}
{{- end }}
{{- end }}

{{- define "tradebot.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" }}
{{- end }}

{{/*
The start of every object's name: at most 40 characters, without the dots that a release's name may
have, and starting with a letter, because a Service's name must.
*/}}
{{- define "tradebot.fullname" -}}
{{- $name := printf "%s-%s" .Release.Name (include "tradebot.name" .) }}
{{- if .Values.fullnameOverride }}
{{- $name = .Values.fullnameOverride }}
{{- else if contains (include "tradebot.name" .) .Release.Name }}
{{- $name = .Release.Name }}
{{- end }}
{{- $name = replace "." "-" $name }}
{{- if regexMatch "^[0-9]" $name }}
{{- $name = printf "r-%s" $name }}
{{- end }}
{{- regexReplaceAll "-+$" (trunc 40 $name) "" }}
{{- end }}

{{/* A text of at most `limit` characters; where it is longer, its end is replaced by a hash: dict text, limit. */}}
{{- define "tradebot.bounded" -}}
{{- if le (len .text) (int .limit) }}
{{- .text }}
{{- else }}
{{- printf "%s-%s" (regexReplaceAll "[-.]+$" (trunc (int (sub .limit 9)) .text) "") (sha256sum .text | trunc 8) }}
{{- end }}
{{- end }}

{{/* The name of an object, which a Service can have too: dict root, part; optional: limit. */}}
{{- define "tradebot.object" -}}
{{- include "tradebot.bounded" (dict "text" (printf "%s-%s" (include "tradebot.fullname" .root) .part) "limit" (.limit | default 63)) }}
{{- end }}

{{/* The component label of a stage that the chart runs once per realm: dict stage, realm. */}}
{{- define "tradebot.realmComponent" -}}
{{- include "tradebot.bounded" (dict "text" (printf "%s-%s" .stage .realm.slug) "limit" 63) }}
{{- end }}

{{- define "tradebot.labels" -}}
{{- $chart := printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 }}
{{- $ours := dict "app.kubernetes.io/version" .Chart.AppVersion "app.kubernetes.io/managed-by" .Release.Service "helm.sh/chart" $chart }}
{{- merge (include "tradebot.podLabels" . | fromYaml) $ours | toYaml }}
{{- end }}

{{/* Labels of pods. None depends on the chart's version, because a change would restart all pods. */}}
{{- define "tradebot.podLabels" -}}
{{- include "tradebot.freeLabels" (dict "labels" .Values.commonLabels "where" "commonLabels") }}
{{- $ours := dict "app.kubernetes.io/name" (include "tradebot.name" .) "app.kubernetes.io/instance" .Release.Name "app.kubernetes.io/part-of" "tradebot" }}
{{- merge $ours (.Values.commonLabels | default dict) | toYaml }}
{{- end }}

{{/* Fails if a label of the user's is one by which Services and policies find pods: dict labels, where. */}}
{{- define "tradebot.freeLabels" -}}
{{- range $key := keys (.labels | default dict) | sortAlpha }}
{{- if or (hasPrefix "tradebot.dev/" $key) (has $key (list "app.kubernetes.io/name" "app.kubernetes.io/instance" "app.kubernetes.io/component" "app.kubernetes.io/part-of" "app.kubernetes.io/managed-by")) }}
{{- fail (printf "%s: the chart sets the label %s itself, because Services and network policies find pods by it; remove it" $.where $key) }}
{{- end }}
{{- end }}
{{- end }}

{{/* Selector labels of a component's pods: dict root, component. */}}
{{- define "tradebot.selector" -}}
app.kubernetes.io/instance: {{ .root.Release.Name | quote }}
app.kubernetes.io/component: {{ .component | quote }}
{{- end }}

{{/* Metadata of an object: dict root, component, name; optional: namespace, labels, annotations. */}}
{{- define "tradebot.metadata" -}}
name: {{ .name | quote }}
namespace: {{ .namespace | default .root.Release.Namespace | quote }}
labels:
  {{- merge (dict "app.kubernetes.io/component" .component) (include "tradebot.labels" .root | fromYaml) (.labels | default dict) | toYaml | nindent 2 }}
{{- with merge (dict) (.annotations | default dict) (.root.Values.commonAnnotations | default dict) }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* One of our images: dict root, name. A name with a tag or digest is used unchanged. */}}
{{- define "tradebot.image" -}}
{{- $images := .root.Values.images }}
{{- $registry := $images.registry | default (dig "imageRegistry" "" (.root.Values.global | default dict)) }}
{{- $image := index $images .name }}
{{- if contains ":" (base $image) }}
{{- $image }}
{{- else }}
{{- with $registry }}{{ . }}/{{ end }}{{ $image }}:{{ $images.tag | default .root.Chart.AppVersion }}
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
