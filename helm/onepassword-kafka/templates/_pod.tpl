{{/* What the worker's pod and the one of `helm test` have in common. */}}

{{- define "onepassword-kafka.podSettings" -}}
serviceAccountName: {{ include "onepassword-kafka.serviceAccountName" . }}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.podSecurityContext }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
volumes:
  - name: config
    configMap:
      name: {{ include "onepassword-kafka.fullname" . }}
  {{- with .Values.secrets }}
  - name: secrets
    projected:
      defaultMode: 0440
      sources:
        {{- range $file, $from := . }}
        - secret:
            name: {{ $from.secretName }}
            items:
              - key: {{ $from.key | quote }}
                path: {{ $file | quote }}
            {{- if $from.optional }}
            optional: true
            {{- end }}
        {{- end }}
  {{- end }}
  {{- with .Values.extraVolumes }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}

{{/* A container that runs `<command> --config` on the worker's file: (list $ "run"). */}}
{{- define "onepassword-kafka.container" -}}
{{- $command := index . 1 -}}
{{- with index . 0 -}}
name: {{ $command | eq "run" | ternary "worker" $command }}
image: {{ include "onepassword-kafka.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
args: [{{ $command }}, --config, /etc/onepassword-kafka/worker.yaml]
{{- with .Values.extraEnv }}
env:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.extraEnvFrom }}
envFrom:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.securityContext }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.resources }}
resources:
  {{- toYaml . | nindent 2 }}
{{- end }}
volumeMounts:
  - name: config
    mountPath: /etc/onepassword-kafka
    readOnly: true
  {{- if .Values.secrets }}
  - name: secrets
    mountPath: /run/secrets
    readOnly: true
  {{- end }}
  {{- with .Values.extraVolumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}
{{- end -}}
