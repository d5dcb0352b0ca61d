"""The cluster, seen from its nodes."""

from __future__ import annotations

import json

from testinfra.host import Host

testinfra_hosts = ["ansible://control_plane?force_ansible=True"]
KUBECTL = "kubectl --kubeconfig /etc/kubernetes/admin.conf --request-timeout=10s "


def test_a_snapshot_of_etcd_is_taken_and_tells_nobody_anything(host: Host) -> None:
    taken = host.run("systemctl start platform-etcd-snapshot")

    newest = host.check_output("ls -1 /var/lib/platform/etcd-snapshots/*.cms | tail -n 1")
    assert taken.rc == 0, taken.stderr
    assert host.run("grep -q /registry/ %s", newest).rc == 1
    assert "aes-256-gcm" in host.check_output(
        "openssl cms -cmsout -print -noout -inform DER -in %s | head -n 80", newest
    )


def test_the_api_is_ready_at_its_address(host: Host) -> None:
    assert host.check_output(KUBECTL + "get --raw /readyz") == "ok"
    assert f"https://{host.ansible.get_variables()['platform_api_address']}:" in host.check_output(
        KUBECTL + "config view --minify"
    )


def test_a_secret_is_ciphertext_in_etcd(host: Host) -> None:
    kept = host.check_output("env KUBECONFIG=/etc/kubernetes/admin.conf /usr/local/lib/platform/try-secret")

    assert "k8s:enc:secretbox:v1" in kept


def test_old_tls_is_refused(host: Host) -> None:
    old = host.run("openssl s_client -connect 127.0.0.1:6443 -tls1_2 < /dev/null")

    assert old.rc != 0


def test_nobody_is_served_without_a_name(host: Host) -> None:
    program = (
        "import ssl, urllib.request, urllib.error; c = ssl._create_unverified_context();\n"
        "try: print(urllib.request.urlopen('https://127.0.0.1:6443/api', context=c, timeout=5).status)\n"
        "except urllib.error.HTTPError as e: print(e.code)\n"
    )

    assert host.check_output("python3 -c %s", program).strip() == "401"


def test_kubelets_serve_with_the_clusters_certificates(host: Host) -> None:
    asked = host.run(
        "sh -c %s",
        "openssl s_client -connect $(hostname -i | cut -d' ' -f1):10250 -CAfile /etc/kubernetes/pki/ca.crt "
        "-verify_return_error < /dev/null",
    )

    assert "Verification: OK" in asked.stdout


def test_a_privileged_pod_is_refused_by_default(host: Host) -> None:
    pod = {
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "privileged", "namespace": "default"},
        "spec": {"containers": [{"name": "a", "image": "a", "securityContext": {"privileged": True}}]},
    }  # fmt: skip

    created = host.run("sh -c %s", f"echo '{json.dumps(pod)}' | {KUBECTL} create --dry-run=server -f -")

    assert created.rc != 0
    assert 'violates PodSecurity "baseline' in created.stderr


def test_certificates_are_good_for_a_month(host: Host) -> None:
    for name in ("apiserver", "apiserver-kubelet-client", "front-proxy-client", "etcd/server", "etcd/peer"):
        left = host.run("openssl x509 -in %s -noout -checkend 2592000", f"/etc/kubernetes/pki/{name}.crt")
        assert left.rc == 0, name


def test_keys_and_tokens_are_in_no_log(host: Host) -> None:
    found = host.run("grep -lE '[a-z0-9]{6}[.][a-z0-9]{16}|BEGIN [A-Z ]*PRIVATE KEY' /var/log/platform-kubeadm.log")

    assert found.rc != 0, found.stdout
