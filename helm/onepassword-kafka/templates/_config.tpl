{{/* What the worker's file says, for objects that have to agree with it. */}}

{{/*
The worker's settings by their names with dots, as YAML; connectors and empty settings are left out. A name that is written
twice, with dots and nested, ends the installation, as it would end the worker.
*/}}
{{- define "onepassword-kafka.settings" -}}
{{- $into := dict -}}
{{- include "onepassword-kafka.flatten" (dict "prefix" "" "from" (omit .Values.config "connectors") "into" $into) -}}
{{- toYaml $into -}}
{{- end -}}

{{- define "onepassword-kafka.flatten" -}}
{{- range $key, $value := .from -}}
{{- $name := printf "%s%s" $.prefix $key -}}
{{- if kindIs "map" $value -}}
{{- include "onepassword-kafka.flatten" (dict "prefix" (printf "%s." $name) "from" $value "into" $.into) -}}
{{- else if not (kindIs "invalid" $value) -}}
{{- if hasKey $.into $name -}}
{{- fail (printf "config: %s is written twice, with dots and nested: leave one of both out" $name) -}}
{{- end -}}
{{- $texts := list -}}
{{- range kindIs "slice" $value | ternary $value (list $value) -}}
{{- if not (kindIs "invalid" .) -}}
{{- $texts = append $texts (include "onepassword-kafka.text" .) -}}
{{- end -}}
{{- end -}}
{{- $_ := set $.into $name (join "," $texts) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* One value as the worker's file has it. Helm has floats for whole numbers, and would show a million as 1e+06. */}}
{{- define "onepassword-kafka.text" -}}
{{- if and (kindIs "float64" .) (eq (toString .) (. | int64 | float64 | toString)) -}}
{{- int64 . -}}
{{- else -}}
{{- toString . -}}
{{- end -}}
{{- end -}}

{{/* One setting, or what holds without it: (list $ "topics.prefix" "onepassword"). */}}
{{- define "onepassword-kafka.setting" -}}
{{- get (include "onepassword-kafka.settings" (index . 0) | fromYaml) (index . 1) | default (index . 2) -}}
{{- end -}}

{{/* The port of an address such as 0.0.0.0:9464. Where it is a reference, nobody knows it here: then the usual one. */}}
{{- define "onepassword-kafka.port" -}}
{{- $address := include "onepassword-kafka.setting" . -}}
{{- regexFind "[0-9]+$" $address | default (regexFind "[0-9]+$" (index . 2)) -}}
{{- end -}}

{{- define "onepassword-kafka.monitoringPort" -}}
{{- include "onepassword-kafka.port" (list . "monitoring.listen" "0.0.0.0:9464") -}}
{{- end -}}

{{- define "onepassword-kafka.restPort" -}}
{{- include "onepassword-kafka.port" (list . "rest.listen" "127.0.0.1:8083") -}}
{{- end -}}

{{/* "true" where other machines reach the REST API. */}}
{{- define "onepassword-kafka.restIsOpen" -}}
{{- $address := include "onepassword-kafka.setting" (list . "rest.listen" "127.0.0.1:8083") -}}
{{- if not (regexMatch "^\\s*(127\\.|\\[::1\\])" $address) -}}true{{- end -}}
{{- end -}}

{{- define "onepassword-kafka.hasUsers" -}}
{{- range $name, $_ := include "onepassword-kafka.settings" . | fromYaml -}}
{{- if hasPrefix "rest.credentials." $name -}}true{{- end -}}
{{- end -}}
{{- end -}}

{{- define "onepassword-kafka.restScheme" -}}
{{- if include "onepassword-kafka.setting" (list . "rest.tls.certificate.file" "") -}}https{{- else -}}http{{- end -}}
{{- end -}}

{{- define "onepassword-kafka.prefix" -}}
{{- include "onepassword-kafka.setting" (list . "topics.prefix" "onepassword") -}}
{{- end -}}

{{- define "onepassword-kafka.shards" -}}
{{- include "onepassword-kafka.setting" (list . "topics.shards" "8") -}}
{{- end -}}

{{/*
The ports that workers must reach, as a YAML list: those of brokers and registry as the file names them, HTTPS, and those of
networkPolicy.ports.
*/}}
{{- define "onepassword-kafka.outwardPorts" -}}
{{- $ports := list 443 -}}
{{- $brokers := include "onepassword-kafka.setting" (list . "kafka.metadata.broker.list" "") -}}
{{- range include "onepassword-kafka.setting" (list . "kafka.bootstrap.servers" $brokers) | splitList "," -}}
{{- $ports = append $ports (regexFind "[0-9]+$" (trim .) | default "9092" | int) -}}
{{- end -}}
{{- range include "onepassword-kafka.setting" (list . "schema.registry.url" "") | splitList "," -}}
{{- $usual := ternary "80" "443" (hasPrefix "http:" (trim .)) -}}
{{- $port := regexFind ":[0-9]+" (regexFind "//[^/]*" .) | trimPrefix ":" -}}
{{- $ports = append $ports (default $usual $port | int) -}}
{{- end -}}
{{- range .Values.networkPolicy.ports -}}
{{- $ports = append $ports (int .) -}}
{{- end -}}
{{- $ports | uniq | toYaml -}}
{{- end -}}

{{/* What the schema cannot see: values that do not go together. All of it at once. */}}
{{- define "onepassword-kafka.judge" -}}
{{- $wrong := list -}}
{{- if not .Values.image.repository -}}
{{- $wrong = append $wrong "image.repository is missing: write where your cluster pulls the image from, without a tag, such as registry.example.com/onepassword-kafka: docs/docker.md says how the image is built and pushed; a release's is ghcr.io/OWNER/REPOSITORY, after the GitHub repository that publishes it" -}}
{{- end -}}
{{- $settings := include "onepassword-kafka.settings" . | fromYaml -}}
{{- range list "group.id" "kafka.bootstrap.servers" "schema.registry.url" -}}
{{- if not (get $settings .) -}}
{{- if not (and (eq . "kafka.bootstrap.servers") (get $settings "kafka.metadata.broker.list")) -}}
{{- $wrong = append $wrong (printf "config: %s is missing" .) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- range $name, $connector := .Values.config.connectors -}}
{{- $own := dict -}}
{{- include "onepassword-kafka.flatten" (dict "prefix" "" "from" (default dict $connector) "into" $own) -}}
{{- if not (get $own "onepassword.token") -}}
{{- $wrong = append $wrong (printf "config.connectors.%s: onepassword.token is missing: write a reference such as ${file:/run/secrets/%s}" $name $name) -}}
{{- end -}}
{{- end -}}
{{- $below := false -}}
{{- range .Values.extraVolumeMounts -}}
{{- if hasPrefix "/run/secrets" .mountPath -}}{{- $below = true -}}{{- end -}}
{{- end -}}
{{- if not $below -}}
{{- range regexFindAll "/run/secrets/[A-Za-z0-9._/-]+" (toYaml .Values.config) -1 | uniq | sortAlpha -}}
{{- $name := trimPrefix "/run/secrets/" . | trimSuffix "/" -}}
{{- $has := false -}}
{{- range keys $.Values.secrets -}}
{{- if or (eq . $name) (hasPrefix (printf "%s/" $name) .) -}}{{- $has = true -}}{{- end -}}
{{- end -}}
{{- if not $has -}}
{{- $wrong = append $wrong (printf "config refers to %s, but secrets has no entry %s: add it, with its secretName and key" . $name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if regexMatch "^\\s*(127\\.|\\[::1\\])" (get $settings "monitoring.listen") -}}
{{- $wrong = append $wrong "config: monitoring.listen is the loopback address, where the kubelet's probes do not reach: write 0.0.0.0:9464, or [::]:9464" -}}
{{- end -}}
{{- $transaction := get $settings "kafka.transaction.timeout.ms" -}}
{{- if regexMatch "^[0-9]+$" $transaction -}}
{{- if lt (mul .Values.terminationGracePeriodSeconds 1000) (int64 $transaction) -}}
{{- $wrong = append $wrong (printf "terminationGracePeriodSeconds is %d, which is shorter than kafka.transaction.timeout.ms of config, %s: raise it" (int64 .Values.terminationGracePeriodSeconds) $transaction) -}}
{{- end -}}
{{- end -}}
{{- if and .Values.rest.service.enabled (not (include "onepassword-kafka.restIsOpen" .)) -}}
{{- $wrong = append $wrong "rest.service.enabled: nobody reaches a REST API on the loopback address: set rest.listen of config to 0.0.0.0:8083, with rest.credentials" -}}
{{- end -}}
{{- with .Values.autoscaling -}}
{{- $shards := include "onepassword-kafka.shards" $ | int -}}
{{- if and .enabled (gt (int .maxReplicas) $shards) -}}
{{- $wrong = append $wrong (printf "autoscaling.maxReplicas is %d, but only %d workers have something to do: that is topics.shards" (int .maxReplicas) $shards) -}}
{{- end -}}
{{- if and .enabled (gt (int .minReplicas) (int .maxReplicas)) -}}
{{- $wrong = append $wrong "autoscaling.minReplicas is above autoscaling.maxReplicas" -}}
{{- end -}}
{{- end -}}
{{- with .Values.podDisruptionBudget -}}
{{- if and .enabled (not (kindIs "invalid" .minAvailable)) (not (kindIs "invalid" .maxUnavailable)) -}}
{{- $wrong = append $wrong "podDisruptionBudget has maxUnavailable and minAvailable: set one of both to null" -}}
{{- end -}}
{{- end -}}
{{- with .Values.strimzi -}}
{{- if and (or .topics.enabled .user.enabled) (not .cluster) -}}
{{- $wrong = append $wrong "strimzi.cluster is missing: write the name of the Kafka resource" -}}
{{- end -}}
{{- end -}}
{{- if $wrong -}}
{{- fail (printf "\n  %s" (join "\n  " $wrong)) -}}
{{- end -}}
{{- end -}}
