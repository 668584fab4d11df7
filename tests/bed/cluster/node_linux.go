package main

import (
	"context"

	"github.com/spf13/cobra"
	proxy "k8s.io/kubernetes/cmd/kube-proxy/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"
)

// What a real node runs besides: only Linux has what they stand on.
func init() {
	programs["kubelet"] = func() *cobra.Command { return kubelet.NewKubeletCommand(context.Background()) }
	programs["kube-proxy"] = func() *cobra.Command { return proxy.NewProxyCommand() }
}
