{{/* Names and labels. */}}

{{- define "onepassword-kafka.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "onepassword-kafka.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* The full name with an ending, still short enough: (list $ "monitoring"). */}}
{{- define "onepassword-kafka.named" -}}
{{- $ending := index . 1 -}}
{{- $most := sub 62 (len $ending) | int -}}
{{- printf "%s-%s" (include "onepassword-kafka.fullname" (index . 0) | trunc $most | trimSuffix "-") $ending -}}
{{- end -}}

{{- define "onepassword-kafka.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "onepassword-kafka.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* What all pods of the release have, the one of `helm test` too. */}}
{{- define "onepassword-kafka.releaseLabels" -}}
app.kubernetes.io/name: {{ include "onepassword-kafka.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* What only workers have. A Deployment's selector never changes, so neither may these. */}}
{{- define "onepassword-kafka.workerLabels" -}}
{{ include "onepassword-kafka.releaseLabels" . }}
app.kubernetes.io/component: worker
{{- end -}}

{{- define "onepassword-kafka.labels" -}}
{{- $own := dict
  "helm.sh/chart" (printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-")
  "app.kubernetes.io/version" (.Chart.AppVersion | replace "+" "_" | trunc 63)
  "app.kubernetes.io/managed-by" .Release.Service
  "app.kubernetes.io/part-of" "onepassword-kafka" -}}
{{- mergeOverwrite (deepCopy .Values.commonLabels) $own (include "onepassword-kafka.releaseLabels" . | fromYaml) | toYaml -}}
{{- end -}}

{{- define "onepassword-kafka.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{- printf "%s@%s" .repository .digest -}}
{{- else -}}
{{- printf "%s:%s" .repository (default $.Chart.AppVersion .tag) -}}
{{- end -}}
{{- end -}}
{{- end -}}
