{{/* Connection settings of Elasticsearch and Kibana. */}}

{{- define "tradebot.elastic.own" -}}
{{- if and .Values.elasticsearch.enabled (not .Values.elasticsearch.external.url) }}true{{ end }}
{{- end }}

{{/* The name of the chart's Elasticsearch; the label of a StatefulSet's pods adds 11 characters to it. */}}
{{- define "tradebot.elastic.name" -}}
{{- include "tradebot.object" (dict "root" . "part" "elasticsearch" "limit" 52) }}
{{- end }}

{{/* JSON: url, caSecret, and for each component a user with the Secret and key of its password; url is empty if documents go to SQLite. */}}
{{- define "tradebot.elastic" -}}
{{- $external := .Values.elasticsearch.external }}
{{- $elastic := dict "url" "" "caSecret" "" "users" dict }}
{{- if include "tradebot.elastic.own" . }}
{{- $secret := include "tradebot.elastic.secret" . }}
{{- $scheme := ternary "https" "http" .Values.elasticsearch.tls }}
{{- $_ := set $elastic "url" (printf "%s://%s.%s.svc:9200" $scheme (include "tradebot.elastic.name" .) .Release.Namespace) }}
{{- if .Values.elasticsearch.tls }}
{{- $_ := set $elastic "caSecret" (printf "%s-tls" (include "tradebot.elastic.name" .)) }}
{{- end }}
{{- range list "recorder" "dashboard" "importer" }}
{{- $_ := set $elastic.users . (dict "username" (printf "tradebot_%s" .) "secret" $secret "key" .) }}
{{- end }}
{{- else if $external.url }}
{{- $_ := set $elastic "url" $external.url }}
{{- $_ := set $elastic "caSecret" $external.caSecret }}
{{- range list "recorder" "dashboard" "importer" }}
{{- $_ := set $elastic.users . (dict "username" $external.username "secret" $external.passwordSecret "key" "password") }}
{{- end }}
{{- end }}
{{- toJson $elastic }}
{{- end }}

{{- define "tradebot.elastic.secret" -}}
{{- .Values.elasticsearch.existingSecret | default (include "tradebot.elastic.name" .) }}
{{- end }}

{{/* Elasticsearch settings of a component: dict root, part (recorder or dashboard). */}}
{{- define "tradebot.elasticEnv" -}}
{{- $elastic := include "tradebot.elastic" .root | fromJson }}
{{- if $elastic.url }}
{{- $user := get $elastic.users .part }}
- {name: TRADEBOT_ELASTICSEARCH, value: {{ $elastic.url | quote }}}
{{- with $user.username }}
- {name: TRADEBOT_ELASTICSEARCH_USERNAME, value: {{ . | quote }}}
{{- end }}
{{- if $user.secret }}
- {name: TRADEBOT_ELASTICSEARCH_PASSWORD_FILE, value: /etc/tradebot/elasticsearch/password}
{{- end }}
{{- if $elastic.caSecret }}
- {name: TRADEBOT_ELASTICSEARCH_CA_FILE, value: /etc/tradebot/elasticsearch/ca.crt}
{{- end }}
{{- end }}
{{- end }}

{{/* The volume with its password and the certificate authority: dict root, part. */}}
{{- define "tradebot.elasticVolumes" -}}
{{- $elastic := include "tradebot.elastic" .root | fromJson }}
{{- $user := get $elastic.users .part | default dict }}
{{- if or $user.secret $elastic.caSecret }}
- name: elasticsearch
  projected:
    defaultMode: 0440
    sources:
      {{- if $user.secret }}
      - secret: {name: {{ $user.secret | quote }}, items: [{key: {{ $user.key | quote }}, path: password}]}
      {{- end }}
      {{- if $elastic.caSecret }}
      - secret: {name: {{ $elastic.caSecret | quote }}, items: [{key: ca.crt, path: ca.crt}]}
      {{- end }}
{{- end }}
{{- end }}

{{- define "tradebot.elasticMounts" -}}
{{- if include "tradebot.elasticVolumes" . | trim }}
- {name: elasticsearch, mountPath: /etc/tradebot/elasticsearch, readOnly: true}
{{- end }}
{{- end }}

{{- define "tradebot.kibana.own" -}}
{{- if and .Values.kibana.enabled (include "tradebot.elastic.own" .) (not .Values.kibana.external.url) }}true{{ end }}
{{- end }}

{{/* JSON: url, username, secret, key, caSecret; url is empty if there is no Kibana. */}}
{{- define "tradebot.kibana" -}}
{{- $external := .Values.kibana.external }}
{{- $elastic := include "tradebot.elastic" . | fromJson }}
{{- $kibana := dict "url" "" }}
{{- if include "tradebot.kibana.own" . }}
{{- $url := printf "http://%s-kibana:5601" (include "tradebot.fullname" .) }}
{{- $kibana = merge (dict "url" $url "caSecret" "") $elastic.users.importer }}
{{- else if $external.url }}
{{- if not $elastic.url }}
{{- fail "kibana.external.url is set, but documents go to SQLite, which Kibana cannot read: set elasticsearch.external.url too" }}
{{- end }}
{{- $theirs := $elastic.users.importer }}
{{- $key := ternary "password" $theirs.key (not (empty $external.passwordSecret)) }}
{{- $kibana = dict "url" $external.url "username" ($external.username | default $theirs.username) "secret" ($external.passwordSecret | default $theirs.secret) "key" $key "caSecret" $external.caSecret }}
{{- end }}
{{- toJson $kibana }}
{{- end }}
