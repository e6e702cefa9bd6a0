{{/* Connection settings of Kafka. */}}

{{- define "tradebot.kafka.own" -}}
{{- if not .Values.kafka.external.bootstrapServers }}true{{ end }}
{{- end }}

{{/* Annotations of objects that Helm keeps after an uninstall, or after an environment is removed. */}}
{{- define "tradebot.kafka.keep" -}}
{{- if .Values.kafka.strimzi.keep }}
helm.sh/resource-policy: keep
{{- end }}
{{- end }}

{{/* The name of a topic's KafkaTopic, which unlike a topic's has no capitals and underscores: dict root, topic. */}}
{{- define "tradebot.topicObject" -}}
{{- $cluster := .root.Values.kafka.strimzi.cluster }}
{{- $name := printf "%s-%s" $cluster .topic | replace "_" "-" | lower }}
{{- if or (gt (len $name) 253) (not (regexMatch "^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$" $name)) }}
{{- $name = printf "%s-topic-%s" $cluster (sha256sum .topic | trunc 16) }}
{{- end }}
{{- $name }}
{{- end }}

{{/* JSON: bootstrap, security, caSecret, and for each stage a user with the Secret of its password. */}}
{{- define "tradebot.kafka" -}}
{{- $external := .Values.kafka.external }}
{{- $strimzi := .Values.kafka.strimzi }}
{{- $kafka := dict "credentials" dict "caSecret" "" }}
{{- if include "tradebot.kafka.own" . }}
{{- $port := ternary 9093 9092 $strimzi.secure }}
{{- $_ := set $kafka "bootstrap" (printf "%s-kafka-bootstrap.%s.svc:%d" $strimzi.cluster .Release.Namespace $port) }}
{{- $_ := set $kafka "security" (ternary "SASL_SSL" "PLAINTEXT" $strimzi.secure) }}
{{- if eq $strimzi.storage.type "ephemeral" }}
{{- $_ := set $kafka "ephemeral" true }}
{{- end }}
{{- if $strimzi.secure }}
{{- $_ := set $kafka "caSecret" (printf "%s-cluster-ca-cert" $strimzi.cluster) }}
{{- range keys (include "tradebot.stages" . | fromJson) | sortAlpha }}
{{- $user := printf "%s-%s" $strimzi.cluster . }}
{{- $_ := set $kafka.credentials . (dict "username" $user "secretName" $user) }}
{{- end }}
{{- end }}
{{- else }}
{{- $_ := set $kafka "bootstrap" $external.bootstrapServers }}
{{- $_ := set $kafka "security" $external.security }}
{{- $_ := set $kafka "caSecret" $external.caSecret }}
{{- if hasPrefix "SASL" $external.security }}
{{- if not (and $external.username $external.passwordSecret) }}
{{- fail (printf "kafka.external.security is %s: set kafka.external.username and kafka.external.passwordSecret" $external.security) }}
{{- end }}
{{- $_ := set $kafka.credentials "default" (dict "username" $external.username "secretName" $external.passwordSecret) }}
{{- end }}
{{- end }}
{{- toJson $kafka }}
{{- end }}

{{/* Environment variables of a stage that the chart runs: dict root, stage, realm. */}}
{{- define "tradebot.stageEnv" -}}
{{- $kafka := include "tradebot.kafka" .root | fromJson }}
{{- $user := get $kafka.credentials .stage | default (get $kafka.credentials "default") }}
- {name: TRADEBOT_KAFKA, value: {{ $kafka.bootstrap | quote }}}
- {name: TRADEBOT_KAFKA_SECURITY, value: {{ $kafka.security | quote }}}
{{- if $user }}
- {name: TRADEBOT_KAFKA_USERNAME, value: {{ $user.username | quote }}}
- {name: TRADEBOT_KAFKA_PASSWORD_FILE, value: /etc/tradebot/kafka/password}
{{- end }}
{{- if $kafka.caSecret }}
- {name: TRADEBOT_KAFKA_CA_FILE, value: /etc/tradebot/kafka/ca.crt}
{{- end }}
- {name: TRADEBOT_TOPIC_PREFIX, value: {{ .realm.prefix | quote }}}
- {name: TRADEBOT_LOG_FORMAT, value: json}
- {name: TRADEBOT_HTTP_HOST, value: "*"}
- {name: TRADEBOT_HTTP_PORT, value: "9090"}
{{- if eq .realm.environment "Emulator" }}
- {name: TRADEBOT_SPEED, value: {{ .root.Values.emulator.speed | toJson | quote }}}
{{- end }}
{{- end }}

{{/* Volumes with Kafka's password and certificate authority: dict root, stage. */}}
{{- define "tradebot.kafkaVolumes" -}}
{{- $kafka := include "tradebot.kafka" .root | fromJson }}
{{- $user := get $kafka.credentials .stage | default (get $kafka.credentials "default") }}
{{- if or $user $kafka.caSecret }}
- name: kafka
  projected:
    defaultMode: 0440
    sources:
      {{- if $user }}
      - secret: {name: {{ $user.secretName | quote }}, items: [{key: password, path: password}]}
      {{- end }}
      {{- if $kafka.caSecret }}
      - secret: {name: {{ $kafka.caSecret | quote }}, items: [{key: ca.crt, path: ca.crt}]}
      {{- end }}
{{- end }}
{{- end }}

{{- define "tradebot.kafkaMounts" -}}
{{- if include "tradebot.kafkaVolumes" . | trim }}
- {name: kafka, mountPath: /etc/tradebot/kafka, readOnly: true}
{{- end }}
{{- end }}
