{{/* The stages, from the one table files/stages.yaml. */}}

{{/* JSON: the table. */}}
{{- define "tradebot.stages" -}}
{{- .Files.Get "files/stages.yaml" | fromYaml | toJson }}
{{- end }}

{{/* JSON: the names of the stages for which a field of the table is true: dict root, field. */}}
{{- define "tradebot.stagesWith" -}}
{{- $field := .field }}
{{- $names := list }}
{{- range $name, $stage := include "tradebot.stages" .root | fromJson }}
{{- if get $stage $field }}
{{- $names = append $names $name }}
{{- end }}
{{- end }}
{{- toJson $names }}
{{- end }}

{{/* JSON: the settings of each stage of a bot: the values, over the resources of the table. */}}
{{- define "tradebot.stageSettings" -}}
{{- $settings := dict }}
{{- range $name, $stage := include "tradebot.stages" . | fromJson }}
{{- if $stage.bots }}
{{- $asked := get ($.Values.stages | default dict) $name | default dict }}
{{- $_ := set $settings $name (mergeOverwrite (dict "resources" $stage.resources) (deepCopy $asked)) }}
{{- end }}
{{- end }}
{{- toJson $settings }}
{{- end }}

{{/* JSON: for each topic of the stages, how long it is kept. */}}
{{- define "tradebot.topicRetention" -}}
{{- $kept := dict }}
{{- range $stage := include "tradebot.stages" . | fromJson }}
{{- range concat ($stage.read | default list) ($stage.write | default list) }}
{{- $_ := set $kept . (get $kept . | default "records") }}
{{- end }}
{{- range $topic, $retention := $stage.retention }}
{{- $_ := set $kept $topic $retention }}
{{- end }}
{{- end }}
{{- toJson $kept }}
{{- end }}

{{/* JSON: the components of the stages that the chart runs, one of each for a realm: dict root, field. */}}
{{- define "tradebot.realmStages" -}}
{{- $components := list }}
{{- $stages := include "tradebot.stagesWith" . | fromJsonArray }}
{{- range $realm := include "tradebot.realms" .root | fromJsonArray }}
{{- range $stages }}
{{- $components = append $components (include "tradebot.realmComponent" (dict "stage" . "realm" $realm)) }}
{{- end }}
{{- end }}
{{- toJson $components }}
{{- end }}
