{{/*
Names and labels. Objects in the release's namespace are named as in any chart. Cluster-wide names, and names in
other people's namespaces, are <what>.<namespace>.<release>: a namespace holds no dot, so no two installs share one.
*/}}
{{- define "headroom.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "headroom.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride }}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else if contains $name .Release.Name }}
{{- .Release.Name | replace "." "-" | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | replace "." "-" | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "headroom.installSuffix" -}}
{{ .Release.Namespace }}.{{ .Release.Name }}
{{- end }}

{{- define "headroom.install" -}}
{{ .Release.Namespace }}/{{ .Release.Name }}
{{- end }}

{{- define "headroom.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "headroom.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "headroom.selectorLabels" -}}
app.kubernetes.io/name: {{ include "headroom.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* The chart's own labels win: the selectors depend on them. The schema refuses an attempt to set those. */}}
{{- define "headroom.labels" -}}
{{- $own := include "headroom.selectorLabels" . | fromYaml }}
{{- $_ := set $own "app.kubernetes.io/version" .Chart.AppVersion }}
{{- $_ := set $own "app.kubernetes.io/managed-by" .Release.Service }}
{{- $_ := set $own "helm.sh/chart" (printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_") }}
{{- merge $own (default dict .Values.commonLabels) | toYaml }}
{{- end }}

{{/* Without the chart's version, which would restart the operator at each upgrade of the chart alone. */}}
{{- define "headroom.podLabels" -}}
{{- $own := include "headroom.selectorLabels" . | fromYaml }}
{{- merge $own (default dict .Values.podLabels) (default dict .Values.commonLabels) | toYaml }}
{{- end }}

{{/* What is there only while the release is being removed; given its weight. Left standing where it failed, to be read. */}}
{{- define "headroom.hook" -}}
helm.sh/hook: pre-delete
helm.sh/hook-weight: {{ . | quote }}
helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
{{- end }}

{{- define "headroom.image" -}}
{{- $name := .Values.image.repository }}
{{- with .Values.image.registry }}
{{- $name = printf "%s/%s" (trimSuffix "/" .) $name }}
{{- end }}
{{- if .Values.image.digest }}
{{- printf "%s@%s" $name .Values.image.digest }}
{{- else }}
{{- printf "%s:%s" $name (default .Chart.AppVersion .Values.image.tag) }}
{{- end }}
{{- end }}

{{/* What holds for every pod of the chart: where it may run, as whom, and what it calls things by. */}}
{{- define "headroom.pod" -}}
# A Service called headroom would put HEADROOM_… variables into the pod, which the program reads as settings.
enableServiceLinks: false
# The account gives none unasked.
automountServiceAccountToken: true
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.podSecurityContext }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.dnsPolicy }}
dnsPolicy: {{ . }}
{{- end }}
{{- with .Values.dnsConfig }}
dnsConfig:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.hostAliases }}
hostAliases:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* What holds for every container that runs headroom: which image, and what it may use and do. */}}
{{- define "headroom.container" -}}
image: {{ include "headroom.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
{{- with .Values.resources }}
resources:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.containerSecurityContext }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* The one of the two fields of the PodDisruptionBudget that is set. Zero is a value; null and the empty text are none. */}}
{{- define "headroom.disruptions" -}}
{{- $set := dict }}
{{- range $field := list "maxUnavailable" "minAvailable" }}
{{- $value := get $.Values.podDisruptionBudget $field }}
{{- if not (has (toString $value) (list "" "<nil>")) }}
{{- $_ := set $set $field $value }}
{{- end }}
{{- end }}
{{- if gt (len $set) 1 }}
{{- fail "\n\npodDisruptionBudget.maxUnavailable and podDisruptionBudget.minAvailable are both set: a PodDisruptionBudget takes one of them.\nTo use minAvailable, add  --set podDisruptionBudget.maxUnavailable=\"\"\nAs many as there are replicas would block every drain of their nodes.\n" }}
{{- end }}
{{- if and .Values.podDisruptionBudget.enabled (not $set) }}
{{- fail "\n\npodDisruptionBudget.enabled is true, and neither podDisruptionBudget.maxUnavailable nor podDisruptionBudget.minAvailable is set.\nSo that the operator's node can be drained, add  --set podDisruptionBudget.maxUnavailable=1\n" }}
{{- end }}
{{- toYaml $set }}
{{- end }}

{{/* The operator's rights wherever it looks: in the whole cluster, or in each of watchNamespaces. */}}
{{- define "headroom.rules" -}}
- apiGroups: [headroom.dev]
  resources: [campaigns, capacitypools, senders]
  verbs: [get, list, watch]
- apiGroups: [headroom.dev]
  resources: [campaigns/status, capacitypools/status, senders/status]
  verbs: [update]
# The finalizer that waits for the restore, and the annotation that says which install cares for the pool.
- apiGroups: [headroom.dev]
  resources: [capacitypools]
  verbs: [patch]
# Floors: an HPA's minReplicas, or the replicas of a Deployment that has no HPA.
- apiGroups: [apps]
  resources: [deployments]
  verbs: [get, list, watch, patch]
- apiGroups: [autoscaling]
  resources: [horizontalpodautoscalers]
  verbs: [get, list, watch, patch]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end }}

{{/* What is mounted of the Secret for Prometheus, and the argument that names each file. */}}
{{- define "headroom.prometheusKeys" -}}
{{- $arguments := dict "tokenKey" "token" "usernameKey" "username" "passwordKey" "password" "caKey" "ca" "certificateKey" "certificate" "privateKeyKey" "key" }}
{{- $keys := dict }}
{{- range $value, $argument := $arguments }}
{{- with get $.Values.prometheus.auth $value }}
{{- $_ := set $keys $argument . }}
{{- end }}
{{- end }}
{{- toYaml $keys }}
{{- end }}

{{/* What the schema cannot say kindly, or cannot know. */}}
{{- define "headroom.check" -}}
{{- if not .Values.prometheus.url }}
{{- fail "\n\nprometheus.url is required: the address of the Prometheus that knows the demand of your workloads.\nFor example:  --set prometheus.url=http://prometheus-server.monitoring.svc\n" }}
{{- end }}
{{- $auth := .Values.prometheus.auth }}
{{- $keys := include "headroom.prometheusKeys" . | fromYaml }}
{{- if and $keys (not $auth.secretName) }}
{{- fail "\n\nprometheus.auth names keys and no Secret: set prometheus.auth.secretName to a Secret in the release's namespace.\n" }}
{{- end }}
{{- if and $auth.secretName (not $keys) }}
{{- fail (printf "\n\nprometheus.auth.secretName is %s, and none of its keys is named: set tokenKey, usernameKey and passwordKey, caKey, or certificateKey and privateKeyKey.\n" $auth.secretName) }}
{{- end }}
{{- if and $auth.tokenKey (or $auth.usernameKey $auth.passwordKey) }}
{{- fail "\n\nprometheus.auth has a tokenKey and a user: Prometheus is shown one of them. Leave the other out.\n" }}
{{- end }}
{{- if ne (empty $auth.usernameKey) (empty $auth.passwordKey) }}
{{- fail "\n\nprometheus.auth.usernameKey and prometheus.auth.passwordKey go together: set both.\n" }}
{{- end }}
{{- if ne (empty $auth.certificateKey) (empty $auth.privateKeyKey) }}
{{- fail "\n\nprometheus.auth.certificateKey and prometheus.auth.privateKeyKey go together: set both.\n" }}
{{- end }}
{{- if eq .Values.ledger.namespace .Release.Namespace }}
{{- fail (printf "\n\nledger.namespace must not be the release's own namespace (%s): the ledger has to outlive the release, and nobody else may write there.\nLeave ledger.namespace unset, or name another namespace.\n" .Release.Namespace) }}
{{- end }}
{{- if has .Values.ledger.namespace .Values.senderNamespaces }}
{{- fail (printf "\n\nsenderNamespaces must not hold the ledger's namespace (%s): it is for the operator alone.\n" .Values.ledger.namespace) }}
{{- end }}
{{- range $ours := list .Release.Namespace .Values.ledger.namespace }}
{{- if has $ours $.Values.jobNamespaces }}
{{- fail (printf "\n\njobNamespaces must not hold %s: a Job there could take the operator's rights, or write the ledger.\n" $ours) }}
{{- end }}
{{- end }}
{{- if .Values.watchNamespaces }}
{{- range $value, $namespaces := dict "senderNamespaces" .Values.senderNamespaces "jobNamespaces" .Values.jobNamespaces }}
{{- range $namespaces }}
{{- if not (has . $.Values.watchNamespaces) }}
{{- fail (printf "\n\n%s holds %s, and watchNamespaces does not: no Sender there would ever be seen.\nAdd %s to watchNamespaces, or leave watchNamespaces empty to look at the whole cluster.\n" $value . .) }}
{{- end }}
{{- end }}
{{- end }}
{{- if has .Values.ledger.namespace .Values.watchNamespaces }}
{{- fail (printf "\n\nwatchNamespaces must not hold the ledger's namespace (%s): it is for the operator alone.\n" .Values.ledger.namespace) }}
{{- end }}
{{- end }}
{{- if and (not .Values.serviceAccount.create) (not .Values.serviceAccount.name) }}
{{- fail "\n\nserviceAccount.name is required when serviceAccount.create is false: the rights of the operator must not go to the namespace's default ServiceAccount, which every pod there may use.\n" }}
{{- end }}
{{- $_ := include "headroom.disruptions" . }}
{{- end }}
