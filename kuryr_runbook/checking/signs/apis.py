"""Signs of problems between Kuryr and the APIs: names, routes, certificates, logins, rights.

Texts of keystoneauth, openstacksdk, neutronclient, urllib3, OpenSSL and Kubernetes.
"""

from __future__ import annotations

from collections.abc import Iterator

from kuryr_runbook.checking.signs.sign import (
    DAEMON_WORK,
    LOAD_BALANCING,
    WORK,
    Sign,
    http,
    phase_sign,
    raised,
    sign,
)

_OCTAVIA = r"load.?balanc|octavia|lbaas|:9876\b|\blisteners?\b|\bpools/"
_NEUTRON = r"neutron|:9696\b|/v2\.0/|\b(?:create|update|get|delete)_(?:port|trunk|network|subnet)\b"
_KEYSTONE = r"keystone|identity|/v3\b|:5000\b|auth/tokens"
_KUBERNETES = (
    r"\bK8s\w+|system:serviceaccount|['\"]kind['\"]: ?['\"]Status|\bAPI group\b|/api/v1/|/apis/"
)
_REFUSED = "|".join(
    (
        http("403"),
        raised(r"(?:[\w.]+\.)?(?:K8s)?Forbidden|(?:[\w.]+\.)?PolicyNotAuthorized"),
        "disallowed by policy",
        "Policy does not allow this request",
    )
)
_NOT_LOGGED_IN = "|".join((http("401"), raised(r"(?:[\w.]+\.)?Unauthorized"), '"Unauthorized"'))
_OVERLOADED = "|".join(
    (http("500|502|503|504"), raised(r"(?:[\w.]+\.)?(?:ServiceUnavailable|InternalServerError)"))
)

_UNKNOWN_NAME = (
    r"Name or service not known|Temporary failure in name resolution|\bgaierror\b"
    r"|NameResolutionError|No address associated with hostname|nodename nor servname"
)
_CLOSED = (
    r"Connection refused|No route to host|Network is unreachable|\[Errno (?:101|110|111|113)\]"
    r"|ConnectTimeout|connect timeout=|Failed to establish a new connection"
)
_CUT = (
    r"read operation timed out|Read timed out|\bReadTimeout|EOF occurred in violation"
    r"|UNEXPECTED_EOF"
    r"|RemoteDisconnected|Connection aborted|Connection reset by peer|BadStatusLine|IncompleteRead"
    r"|\bsocket\.timeout\b|handshake operation timed out|ssl\.SSLZeroReturnError"
)
_UNREACHED = r"\bConnectFailure\b|Max retries exceeded|Unable to establish connection"


def trust_signs(fixing_phase: str, explains: frozenset[str]) -> Iterator[Sign]:
    """Certificates: each kind of problem has another remedy."""
    yield sign(
        "certificate-expired",
        r"certificate has expired|CERTIFICATE_HAS_EXPIRED|certificate is not yet valid",
        "the certificate of an API has expired, or is not valid yet",
        "renew it at the API that the line names, and compare the nodes' clocks",
        explains,
    )
    yield phase_sign(
        "certificate-name",
        r"Hostname mismatch|IP address mismatch|certificate is not valid for"
        r"|doesn't match either of|hostname ['\"].{0,80}doesn't match|CertificateError: hostname",
        "the certificate of an API does not name the address that is used",
        fixing_phase,
        explains,
        "use an address that the certificate names: kubernetes.api_root of the site, or auth_url "
        "in clouds.yaml and the endpoints of Keystone's catalogue",
    )
    yield phase_sign(
        "ca-file-missing",
        r"suitable TLS CA certificate bundle|Unable to find ca cert_file"
        r"|ssl_ca_crt_file cannot be None|Unable to find ssl (?:cert|key)",
        "the file with the CA's certificate is not where kuryr.conf says",
        fixing_phase,
        explains,
    )
    yield phase_sign(
        "no-tls",
        r"WRONG_VERSION_NUMBER|HTTP_REQUEST\b|unknown protocol|RECORD_LAYER_FAILURE"
        r"|plain HTTP request",
        "HTTPS is used for an API that speaks HTTP",
        fixing_phase,
        explains,
        "correct the address's scheme: auth_url in clouds.yaml, kubernetes.api_root of the site, "
        "or the endpoint in Keystone's catalogue",
    )
    yield phase_sign(
        "certificate-untrusted",
        r"certificate[ _]verify[ _]failed|unable to get (?:local )?issuer"
        r"|self[- ]signed certificate|certificate is not trusted|\bbad certificate\b",
        "a program of Kuryr's does not trust the certificate of an API",
        fixing_phase,
        explains,
        "name the CA that signed it: openstack.ca_file of the site, or cacert in clouds.yaml",
    )


def reach_signs(explains: frozenset[str], where: str) -> Iterator[Sign]:
    """Addresses and routes. Waiting in vain for something is not one of them."""
    yield sign(
        "name-unknown",
        _UNKNOWN_NAME,
        "the name of an API cannot be resolved",
        f"check `getent hosts NAME` on the node with the name in the line: the {where} uses the "
        "node's resolver, since it runs in the node's network",
        explains,
    )
    yield sign(
        "api-unreachable",
        _CLOSED,
        f"the {where} cannot reach an API",
        "check that the node can reach the address in the line: kubernetes.api_root has to be a "
        "master's own address with its port open to the nodes; OpenStack's addresses come from "
        "Keystone's catalogue",
        explains,
    )
    yield sign(
        "api-cuts",
        _CUT,
        f"an API does not answer the {where} in time, or ends the connection",
        "check the load of the API that the line names, and the timeouts of any proxy in front of "
        "it; the certificate is not the problem",
        explains,
    )
    yield sign(
        "api-out-of-reach",
        _UNREACHED,
        f"the {where} cannot reach an API",
        "check that the node can reach the address in the line",
        explains,
    )


def _catalogue_signs() -> Iterator[Sign]:
    yield sign(
        "endpoint-missing",
        r"\bEndpointNotFound\b|\bEmptyCatalog\b|endpoint for .{0,60} not found"
        r"|Unable to reach Octavia API|service catalog is empty|No suitable endpoint",
        "Keystone's catalogue has no endpoint of a service in the given region and interface",
        "openstack catalog list; compare region_name and interface of the entry in clouds.yaml "
        "with it, then kuryr-runbook run --site FILE --only controller",
        WORK,
    )


def _login_signs() -> Iterator[Sign]:
    yield phase_sign(
        "login-expired",
        r"needs to be changed for user|account is locked|account is disabled"
        r"|credential .{0,60}expired|user .{0,60}disabled|Could not find (?:user|application "
        r"credential|project|domain)",
        "the controller's user or application credential is expired, disabled or gone",
        "controller",
        WORK,
        "kuryr-runbook rotate-credentials --site FILE, or correct the entry in clouds.yaml",
    )
    yield sign(
        "kubernetes-login",
        (_NOT_LOGGED_IN, _KUBERNETES),
        "Kubernetes does not accept the controller's token any more: it is read once, at start",
        "kubectl -n kube-system rollout restart deployment/kuryr-controller daemonset/kuryr-daemon",
        WORK,
    )
    yield phase_sign(
        "token-refused",
        rf"(?=.*(?:{_NEUTRON}|{_OCTAVIA})).*401: Client Error for url"
        r"|neutronclient\.[\w.]*Unauthorized",
        "Neutron or Octavia refuses the controller's token (401): the request is outside of its "
        "credential's access rules, or the service cannot check tokens",
        "controller",
        WORK,
        "with kuryr.credential_access_rules: leave it out, and report the request as a bug of the "
        "runbook; without: check the service's log, and its [keystone_authtoken]",
    )
    yield phase_sign(
        "login-refused",
        "|".join(
            (
                r"request you have made requires authentication"
                r"|invalid (?:username|password|user\b)",
                rf"(?=.*(?:{_KEYSTONE}|{_NEUTRON}|{_OCTAVIA})).*(?:{_NOT_LOGGED_IN})",
            )
        ),
        "Keystone does not accept the controller's login",
        "controller",
        WORK,
        "check the entry in clouds.yaml, or kuryr-runbook rotate-credentials --site FILE",
    )


def _right_signs() -> Iterator[Sign]:
    yield phase_sign(
        "kubernetes-right",
        (_REFUSED, _KUBERNETES),
        "Kubernetes refuses the controller's requests (403)",
        "controller",
        WORK,
    )
    yield sign(
        "octavia-right",
        (_REFUSED, _OCTAVIA),
        "Octavia refuses the controller: its user needs the role load-balancer_member",
        "openstack role add --user USER --project PROJECT load-balancer_member",
        LOAD_BALANCING | {"stuck-finalizers"},
    )
    yield sign(
        "neutron-right",
        (_REFUSED, _NEUTRON),
        "Neutron refuses the controller's requests (403)",
        "`kuryr-runbook docs credentials` names the roles: ports with binding:host_id need admin "
        "or a policy of their own",
        WORK,
    )
    yield sign(
        "right-missing",
        _REFUSED,
        "an API refuses the controller's requests (403)",
        "`kuryr-runbook docs credentials` names the roles",
        WORK,
    )


def _service_signs() -> Iterator[Sign]:
    for service, words, explains in (
        ("Kubernetes", _KUBERNETES, WORK),
        ("Octavia", _OCTAVIA, LOAD_BALANCING),
        ("Neutron", _NEUTRON, WORK),
        ("Keystone", _KEYSTONE, WORK),
    ):
        yield sign(
            f"{service.lower()}-down",
            (_OVERLOADED, words),
            f"{service} answers that it is not available now",
            f"check {service}'s own log at that time: its database, its queue, its memcached, its "
            "number of workers, or the load balancer in front of it",
            explains,
        )


CONTROLLER: tuple[Sign, ...] = (
    *trust_signs("controller", WORK),
    *_catalogue_signs(),
    *_login_signs(),
    *_right_signs(),
    *_service_signs(),
    *reach_signs(WORK, "controller"),
)
"""What the controller may log about APIs."""

DAEMON: tuple[Sign, ...] = (
    *trust_signs("daemon", DAEMON_WORK),
    sign(
        "daemon-login",
        _NOT_LOGGED_IN,
        "Kubernetes does not accept the daemon's token any more: it is read once, at start",
        "kubectl -n kube-system rollout restart daemonset/kuryr-daemon",
        DAEMON_WORK,
    ),
    phase_sign(
        "daemon-right",
        _REFUSED,
        "Kubernetes does not let the daemon read what it needs",
        "daemon",
        DAEMON_WORK,
    ),
    sign(
        "daemon-api-down",
        (_OVERLOADED, _KUBERNETES),
        "Kubernetes answers that it is not available now",
        "check the API server's and etcd's logs at that time",
        DAEMON_WORK,
    ),
    *reach_signs(DAEMON_WORK, "daemon"),
)
"""What a daemon may log about the one API that it uses."""
