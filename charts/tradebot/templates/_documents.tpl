{{/* How Elasticsearch is reached, and Kibana. */}}

{{- define "tradebot.elastic.own" -}}
{{- if and .Values.elasticsearch.enabled (not .Values.elasticsearch.external.url) }}true{{ end }}
{{- end }}

{{/* JSON: url, username, secret, key, caSecret; url is empty where documents go to SQLite. */}}
{{- define "tradebot.elastic" -}}
{{- $external := .Values.elasticsearch.external }}
{{- $elastic := dict "url" "" "username" "" "secret" "" "key" "password" "caSecret" "" }}
{{- if include "tradebot.elastic.own" . }}
{{- $url := printf "http://%s-elasticsearch.%s.svc:9200" (include "tradebot.fullname" .) .Release.Namespace }}
{{- $elastic = dict "url" $url "username" "elastic" "secret" (include "tradebot.elastic.secret" .) "key" "elastic" "caSecret" "" }}
{{- else if $external.url }}
{{- $elastic = dict "url" $external.url "username" $external.username "secret" $external.passwordSecret "key" "password" "caSecret" $external.caSecret }}
{{- end }}
{{- toJson $elastic }}
{{- end }}

{{- define "tradebot.elastic.secret" -}}
{{- .Values.elasticsearch.existingSecret | default (printf "%s-elasticsearch" (include "tradebot.fullname" .)) }}
{{- end }}

{{- define "tradebot.elasticEnv" -}}
{{- $elastic := include "tradebot.elastic" . | fromJson }}
{{- if $elastic.url }}
- {name: TRADEBOT_ELASTICSEARCH, value: {{ $elastic.url | quote }}}
{{- with $elastic.username }}
- {name: TRADEBOT_ELASTICSEARCH_USERNAME, value: {{ . }}}
{{- end }}
{{- if $elastic.secret }}
- {name: TRADEBOT_ELASTICSEARCH_PASSWORD_FILE, value: /etc/tradebot/elasticsearch/password}
{{- end }}
{{- if $elastic.caSecret }}
- {name: TRADEBOT_ELASTICSEARCH_CA_FILE, value: /etc/tradebot/elasticsearch/ca.crt}
{{- end }}
{{- end }}
{{- end }}

{{- define "tradebot.elasticVolumes" -}}
{{- $elastic := include "tradebot.elastic" . | fromJson }}
{{- if or $elastic.secret $elastic.caSecret }}
- name: elasticsearch
  projected:
    defaultMode: 0440
    sources:
      {{- if $elastic.secret }}
      - secret: {name: {{ $elastic.secret }}, items: [{key: {{ $elastic.key }}, path: password}]}
      {{- end }}
      {{- if $elastic.caSecret }}
      - secret: {name: {{ $elastic.caSecret }}, items: [{key: ca.crt, path: ca.crt}]}
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

{{/* JSON: url, username, secret, key, caSecret; url is empty where there is no Kibana. */}}
{{- define "tradebot.kibana" -}}
{{- $external := .Values.kibana.external }}
{{- $elastic := include "tradebot.elastic" . | fromJson }}
{{- $kibana := dict "url" "" }}
{{- if include "tradebot.kibana.own" . }}
{{- $url := printf "http://%s-kibana:5601" (include "tradebot.fullname" .) }}
{{- $kibana = dict "url" $url "username" "elastic" "secret" (include "tradebot.elastic.secret" .) "key" "elastic" "caSecret" "" }}
{{- else if $external.url }}
{{- if not $elastic.url }}
{{- fail "kibana.external.url is given, but documents go to SQLite, which Kibana does not read: give elasticsearch.external.url too" }}
{{- end }}
{{- $user := $external.username | default $elastic.username }}
{{- $key := ternary "password" $elastic.key (not (empty $external.passwordSecret)) }}
{{- $kibana = dict "url" $external.url "username" $user "secret" ($external.passwordSecret | default $elastic.secret) "key" $key "caSecret" $external.caSecret }}
{{- end }}
{{- toJson $kibana }}
{{- end }}
