#!/bin/bash
# A straight shell script over ssh: the same files and packages onto identical bare hosts, then the
# commands of kubeadm and helm as their documents give them. No checks, no hardening, no journal.
#
#   install.sh SSH KEY BUNDLE ADMIN VIP HOST...     (hosts are addresses; the first is initialised)
set -euo pipefail
ssh_program=$1 key=$2 bundle=$3 admin=$4 vip=$5
shift 5
hosts=("$@")
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

on() { local host=$1; shift; "$ssh_program" -i "$key" -o BatchMode=yes -o ControlMaster=auto -o ControlPersist=60 -o ControlPath="$work/%h" root@"$host" "$@"; }
step() { awk -v began="$began" -v now="$EPOCHREALTIME" -v what="$1" 'BEGIN { printf "%7.1f %s\n", now - began, what }'; }
fact() { python3 "$here/fact.py" "$bundle/manifest.json" "$@"; }
digest() { fact digest "$1" "$2" | cut -d: -f2; }
blob() { echo "$bundle/oci/blobs/sha256/$(digest "$1" "$2")"; }
began=$EPOCHREALTIME

# What the hosts get: Debian packages, programs.
mkdir -p "$work/host/debs" "$work/host/bin" "$work/admin/bin" "$work/admin/charts"
on "${hosts[0]}" "dpkg-query -W -f '\${Package}\n'" > "$work/installed"
python3 "$here/gather.py" "$bundle" "$work/host/debs" keepalived haproxy nftables conntrack ethtool socat iptables chrony ca-certificates libseccomp2 < "$work/installed"
for name in containerd containerd-shim-runc-v2 ctr runc crictl kubeadm kubelet kubectl; do cp "$(blob file "$name")" "$work/host/bin/$name"; done
for name in registry kubectl helm; do cp "$(blob file "$name")" "$work/admin/bin/$name"; done
for name in cilium local-path-provisioner metrics-server; do cp "$(blob chart "$name")" "$work/admin/charts/$name.tgz"; done
chmod 755 "$work"/*/bin/*
step "files gathered"

# The registry on the admin host, over the bundle that lies there.
tar -C "$work/admin" -cf - bin charts | on "$admin" 'tar -C /usr/local -xf -'
on "$admin" "python3 - /media/platform/bundle /srv/registry" < "$here/registry_tree.py"
on "$admin" 'cat > /srv/registry.yml; systemd-run --quiet --unit registry /usr/local/bin/registry serve /srv/registry.yml' <<Y
version: 0.1
log: {level: warn}
storage: {filesystem: {rootdirectory: /srv/registry}, maintenance: {readonly: {enabled: true}}}
http: {addr: ":5000"}
Y
step "registry runs"

prepare() {
  local host=$1 index=$2
  tar -C "$work/host" -cf - debs bin | on "$host" 'tar -C /root -xf -'
  on "$host" "bash -s" <<S
set -e
printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d; chmod 755 /usr/sbin/policy-rc.d
DEBIAN_FRONTEND=noninteractive apt-get install -qq -y /root/debs/*.deb > /root/apt.log 2>&1
rm /usr/sbin/policy-rc.d
install -m 755 /root/bin/* /usr/local/bin/
printf 'net.ipv4.ip_forward=1\nnet.ipv4.conf.all.rp_filter=0\nvm.overcommit_memory=1\nvm.panic_on_oom=0\nkernel.panic=10\nkernel.panic_on_oops=1\nkernel.keys.root_maxkeys=1000000\nkernel.keys.root_maxbytes=25000000\nfs.inotify.max_user_instances=8192\n' > /etc/sysctl.d/60-bare.conf
sysctl -q --system > /dev/null 2>&1 || true
for name in ${hosts[*]}; do echo "\$name bare-\${name##*.}" >> /etc/hosts; done
mkdir -p /etc/containerd/certs.d
cat > /etc/containerd/config.toml <<T
version = 3
[plugins.'io.containerd.cri.v1.images'.pinned_images]
  sandbox = 'registry.k8s.io/pause:3.10.2'
[plugins.'io.containerd.cri.v1.images'.registry]
  config_path = '/etc/containerd/certs.d'
[plugins.'io.containerd.cri.v1.runtime']
  restrict_oom_score_adj = true
  [plugins.'io.containerd.cri.v1.runtime'.cni]
    use_internal_loopback = true
  [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
    runtime_type = 'io.containerd.runc.v2'
    [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
      SystemdCgroup = true
      BinaryName = '/usr/local/bin/runc'
T
for registry in registry.k8s.io quay.io docker.io platform.internal; do
  mkdir -p /etc/containerd/certs.d/\$registry
  printf 'server = "http://$admin:5000/v2/%s"\noverride_path = true\n' \$registry > /etc/containerd/certs.d/\$registry/hosts.toml
done
printf 'runtime-endpoint: unix:///run/containerd/containerd.sock\n' > /etc/crictl.yaml
printf '[Service]\nExecStart=/usr/local/bin/containerd\nType=notify\nDelegate=yes\nKillMode=process\nRestart=always\n[Install]\nWantedBy=multi-user.target\n' > /etc/systemd/system/containerd.service
printf '[Service]\nExecStart=/usr/local/bin/kubelet \$KUBELET_KUBECONFIG_ARGS \$KUBELET_CONFIG_ARGS \$KUBELET_KUBEADM_ARGS\nRestart=always\nRestartSec=2\nEnvironment="KUBELET_KUBECONFIG_ARGS=--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf --kubeconfig=/etc/kubernetes/kubelet.conf"\nEnvironment="KUBELET_CONFIG_ARGS=--config=/var/lib/kubelet/config.yaml"\nEnvironmentFile=-/var/lib/kubelet/kubeadm-flags.env\n[Unit]\nConditionPathExists=/var/lib/kubelet/config.yaml\n[Install]\nWantedBy=multi-user.target\n' > /etc/systemd/system/kubelet.service
sed -i 's/\\$/\$/g' /etc/systemd/system/kubelet.service
cat > /etc/haproxy/haproxy.cfg <<T
defaults
  mode tcp
  timeout connect 2s
  timeout client 4h
  timeout server 4h
frontend api
  bind :8443
  default_backend api
backend api
  option tcp-check
$(for i in "${hosts[@]}"; do echo "  server s${i##*.} $i:6443 check inter 2s"; done)
T
cat > /etc/keepalived/keepalived.conf <<T
vrrp_instance api {
  state BACKUP
  interface eth0
  virtual_router_id 51
  priority $((200 - index))
  advert_int 1
  unicast_src_ip $host
  unicast_peer {
$(for i in "${hosts[@]}"; do [ "$i" = "$host" ] || echo "    $i"; done)
  }
  virtual_ipaddress { $vip/24 }
}
T
[ -s /etc/resolv.conf ] || echo nameserver $admin > /etc/resolv.conf
systemctl daemon-reload
systemctl -q enable --now containerd haproxy keepalived kubelet
systemctl restart haproxy keepalived
S
}
for index in "${!hosts[@]}"; do prepare "${hosts[$index]}" "$index" & jobs[index]=$!; done
for job in "${jobs[@]}"; do wait "$job"; done
step "hosts prepared"

version=$(fact version file kubeadm)
node() { printf 'nodeRegistration:\n  name: bare-%s\n  criSocket: unix:///run/containerd/containerd.sock\n  taints: []\n  ignorePreflightErrors: [SystemVerification, Swap]\n  kubeletExtraArgs: [{name: node-ip, value: "%s"}]\n' "${1##*.}" "$1"; }
first=${hosts[0]}
{
  printf 'apiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\nlocalAPIEndpoint: {advertiseAddress: %s}\n' "$first"; node "$first"
  cat <<Y
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: $version
controlPlaneEndpoint: $vip:8443
networking: {podSubnet: 10.244.0.0/16, serviceSubnet: 10.96.0.0/16}
proxy: {disabled: true}
etcd: {local: {imageTag: $(fact version image registry.k8s.io/etcd)}}
dns: {imageRepository: registry.k8s.io/coredns, imageTag: $(fact version image registry.k8s.io/coredns/coredns)}
---
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
cgroupDriver: systemd
failCgroupV1: false
failSwapOn: false
oomScoreAdj: 0
evictionHard: {memory.available: 100Mi, nodefs.available: 1Gi, imagefs.available: 1Gi}
imageGCHighThresholdPercent: 100
imageGCLowThresholdPercent: 99
Y
} | on "$first" 'cat > /root/kubeadm.yml; kubeadm init --upload-certs --config /root/kubeadm.yml > /root/init.log 2>&1'
step "first control plane"
# shellcheck disable=SC2016
read -r token hash certificate < <(on "$first" 'echo $(kubeadm token create --ttl 2h) sha256:$(openssl x509 -pubkey -noout -in /etc/kubernetes/pki/ca.crt | openssl pkey -pubin -outform der | sha256sum | cut -d" " -f1) $(kubeadm init phase upload-certs --upload-certs | tail -1)')
for host in "${hosts[@]:1}"; do
  {
    printf 'apiVersion: kubeadm.k8s.io/v1beta4\nkind: JoinConfiguration\ndiscovery:\n  bootstrapToken: {apiServerEndpoint: "%s:8443", token: %s, caCertHashes: ["%s"]}\ncontrolPlane:\n  localAPIEndpoint: {advertiseAddress: %s}\n  certificateKey: %s\n' "$vip" "$token" "$hash" "$host" "$certificate"
    node "$host"
  } | on "$host" 'cat > /root/kubeadm.yml; kubeadm join --config /root/kubeadm.yml > /root/join.log 2>&1'
  step "$host joined"
done
on "$first" cat /etc/kubernetes/admin.conf | on "$admin" 'mkdir -p /root/.kube; cat > /root/.kube/config'
on "$admin" "cat > /root/cilium.yml; helm upgrade --install cilium /usr/local/charts/cilium.tgz -n kube-system -f /root/cilium.yml > /dev/null" <<Y
image: {repository: quay.io/cilium/cilium, tag: v1.20.1, useDigest: false}
operator: {image: {repository: quay.io/cilium/operator, tag: v1.20.1, useDigest: false}, replicas: 2}
envoy: {enabled: false}
l7Proxy: false
hubble: {enabled: true, relay: {enabled: false}}
kubeProxyReplacement: "true"
k8sServiceHost: $vip
k8sServicePort: 8443
ipam: {mode: cluster-pool, operator: {clusterPoolIPv4PodCIDRList: [10.244.0.0/16]}}
l2announcements: {enabled: true}
bandwidthManager: {enabled: false}
sysctlfix: {enabled: false}
bpf: {masquerade: false, hostLegacyRouting: true}
securityContext:
  capabilities:
    ciliumAgent: [CHOWN, KILL, NET_ADMIN, NET_RAW, IPC_LOCK, SYS_MODULE, SYS_ADMIN, DAC_OVERRIDE, FOWNER, SETGID, SETUID, SYSLOG]
    cleanCiliumState: [NET_ADMIN, SYS_MODULE, SYS_ADMIN]
    mountCgroup: [SYS_ADMIN, SYS_CHROOT, SYS_PTRACE]
Y
on "$admin" "kubectl -n kube-system rollout restart deployment/coredns > /dev/null
helm upgrade --install local-path-provisioner /usr/local/charts/local-path-provisioner.tgz -n local-path-storage --create-namespace --set image.repository=docker.io/rancher/local-path-provisioner,helperImage.repository=docker.io/library/busybox,helperImage.tag=1.37.0,storageClass.defaultClass=true > /dev/null
helm upgrade --install metrics-server /usr/local/charts/metrics-server.tgz -n kube-system --set image.tag=v0.9.0,'args={--kubelet-insecure-tls}' > /dev/null"
step "charts released"
on "$admin" "kubectl wait --for=condition=Ready node --all --timeout=300s > /dev/null
for workload in daemonset/cilium deployment/coredns deployment/metrics-server; do kubectl -n kube-system rollout status --timeout=300s \$workload > /dev/null; done
kubectl -n local-path-storage rollout status --timeout=300s deployment/local-path-provisioner > /dev/null"
step "everything ready"
