{{/* Strimzi's objects. */}}

{{- define "onepassword-kafka.strimziVersion" -}}
{{- $newest := "kafka.strimzi.io/v1" -}}
{{- $has := .Capabilities.APIVersions.Has $newest -}}
{{- default (ternary $newest "kafka.strimzi.io/v1beta2" $has) .Values.strimzi.apiVersion -}}
{{- end -}}

{{- define "onepassword-kafka.strimziMetadata" -}}
namespace: {{ default .Release.Namespace .Values.strimzi.namespace }}
labels:
  {{- include "onepassword-kafka.labels" . | nindent 2 }}
  strimzi.io/cluster: {{ .Values.strimzi.cluster }}
{{- end -}}

{{- define "onepassword-kafka.kafkaUser" -}}
{{- default (include "onepassword-kafka.fullname" .) .Values.strimzi.user.name -}}
{{- end -}}

{{/*
The topics, as src/kafka/layout.rs has the worker create them, which a test compares. Replicas are the broker's default where
the file does not say how many.
*/}}
{{- define "onepassword-kafka.topics" -}}
{{- $partitions := include "onepassword-kafka.setting" (list . "topics.partitions" "6") | int -}}
{{- $shards := include "onepassword-kafka.shards" . | int -}}
{{- $retention := include "onepassword-kafka.setting" (list . "topics.retention.ms" "31536000000") -}}
{{- $events := dict "cleanup.policy" "delete" "retention.ms" $retention -}}
{{- $log := dict "cleanup.policy" "compact" "segment.ms" "3600000" "segment.bytes" "16777216" "min.cleanable.dirty.ratio" "0.1" -}}
{{- $deadletters := merge (dict "max.message.bytes" "67108864") $events -}}
{{- list
  (dict "name" "signinattempts" "partitions" $partitions "config" $events)
  (dict "name" "itemusages" "partitions" $partitions "config" $events)
  (dict "name" "auditevents" "partitions" $partitions "config" $events)
  (dict "name" "cursors" "partitions" $shards "config" $log)
  (dict "name" "connectors" "partitions" 1 "config" $log)
  (dict "name" "status" "partitions" 1 "config" $log)
  (dict "name" "deadletters" "partitions" 1 "config" $deadletters)
  | toYaml -}}
{{- end -}}

{{/*
All that the worker's Kafka user needs, and nothing else. Whoever may read or write a resource may describe it; idempotent
producers need no right of their own since Kafka 2.8.
*/}}
{{- define "onepassword-kafka.acls" -}}
{{- $ours := printf "%s." (include "onepassword-kafka.prefix" .) -}}
{{- $group := include "onepassword-kafka.setting" (list . "group.id" "") -}}
{{- $create := ternary (list "Create") list .Values.strimzi.user.mayCreateTopics -}}
- resource: {type: topic, name: {{ quote $ours }}, patternType: prefix}
  operations: {{ concat (list "Read" "Write") $create (list "DescribeConfigs") | toJson }}
- resource: {type: group, name: {{ quote $group }}, patternType: literal}
  operations: ["Read"]
- resource: {type: transactionalId, name: {{ quote $ours }}, patternType: prefix}
  operations: ["Write"]
{{- end -}}
