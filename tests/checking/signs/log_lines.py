"""What Kuryr's programs print, release by release, by the sign that it is; and what only looks so.

Ids, addresses and names are made up; the words are those of kuryr-kubernetes' tags, of the clients
that its releases use, and of the services' answers.
"""

from __future__ import annotations

NEUTRON = "https://cloud.example.org:9696/v2.0"
OCTAVIA = "https://cloud.example.org:9876/v2.0/lbaas"
KEYSTONE = "https://cloud.example.org:5000/v3"
PORT = "8b9d2c55-1403-4bb2-9401-c0a6a403e503"
POOL = "HTTPSConnectionPool(host='cloud.example.org', port=5000)"
RESET = "Max retries exceeded with url: /v3/auth/tokens (Caused by "
STATUS = '{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":'
SDK = "openstack.exceptions"
NC = "neutronclient.common.exceptions"
KA = "keystoneauth1.exceptions"
K8S = "kuryr_kubernetes.exceptions"


def tls(said: str) -> str:
    """How keystoneauth reports what OpenSSL says of a certificate."""
    return (
        f"{KA}.connection.SSLError: SSL exception connecting to {KEYSTONE}/auth/tokens: {POOL}: "
        f"{RESET}SSLError(SSLCertVerificationError(1, '{said} (_ssl.c:1131)')))"
    )


VERIFY = "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: "

BOTH: dict[str, tuple[str, ...]] = {
    "certificate-expired": (tls(f"{VERIFY}certificate has expired"),),
    "certificate-name": (
        tls(f"{VERIFY}Hostname mismatch, certificate is not valid for 'cloud.example.org'."),
        tls(f"{VERIFY}IP address mismatch, certificate is not valid for '172.16.0.9'."),
        "ssl.CertificateError: hostname '172.16.0.9' doesn't match 'cloud.example.org'",
    ),
    "ca-file-missing": (
        "OSError: Could not find a suitable TLS CA certificate bundle, invalid path: /etc/ca.crt",
        "RuntimeError: Unable to find ca cert_file  : /etc/ssl/ca.crt",
        "RuntimeError: ssl_ca_crt_file cannot be None",
    ),
    "no-tls": (tls("[SSL: WRONG_VERSION_NUMBER] wrong version number"),),
    "certificate-untrusted": (
        tls(f"{VERIFY}unable to get local issuer certificate"),
        tls(f"{VERIFY}self signed certificate in certificate chain"),
        "requests.exceptions.SSLError: [Errno 1] certificate verify failed",
    ),
    "name-unknown": (
        f"{KA}.connection.ConnectFailure: Unable to establish connection to {KEYSTONE}: {POOL}: "
        f"{RESET}NewConnectionError('<x>: Failed to establish a new connection: [Errno -2] Name or "
        "service not known'))",
        "socket.gaierror: [Errno -3] Temporary failure in name resolution",
        f"{POOL}: {RESET}NameResolutionError('Failed to resolve'))",
    ),
    "api-unreachable": (
        f"{KA}.connection.ConnectFailure: Unable to establish connection to {KEYSTONE}: {POOL}: "
        f"{RESET}NewConnectionError('<x>: Failed to establish a new connection: [Errno 111] "
        "Connection refused'))",
        f"{KA}.connection.ConnectTimeout: Request to {KEYSTONE} timed out",
        f"requests.exceptions.ConnectionError: {POOL}: {RESET}NewConnectionError('[Errno 113] No "
        "route to host'))",
    ),
    "api-cuts": (
        f"{POOL}: {RESET}SSLError('The read operation timed out'))",
        "ssl.SSLError: ('The read operation timed out',)",
        "requests.exceptions.ReadTimeout: HTTPSConnectionPool: Read timed out. (read timeout=60)",
        tls("EOF occurred in violation of protocol").replace("SSLCertVerificationError", "SSLEOF"),
        "requests.exceptions.ConnectionError: ('Connection aborted.', RemoteDisconnected('Remote "
        "end closed connection without response'))",
    ),
    "api-out-of-reach": (f"{POOL}: {RESET}ProtocolError('x'))",),
    "option-missing": (
        "oslo_config.cfg.RequiredOptError: value required for option pod_subnet in group "
        "[neutron_defaults]",
        f"{KA}.auth_plugins.MissingRequiredOptions: Auth plugin requires parameters which were not "
        "given: auth_url",
        "oslo_config.cfg.RequiredOptError: value required for option lock_path in group [DEFAULT]",
    ),
    "option-wrong": (
        "oslo_config.cfg.ConfigFileValueError: Value for option port is not valid",
        "stevedore.exception.NoMatches: No 'kuryr_kubernetes.controller.drivers.pod_vif' driver "
        "found, looking for 'nested-ipvlan'",
        "The pool(nested) and pod(nested-macvlan) driver selected are not compatible.",
        f"{K8S}.InvalidKuryrConfiguration: [cni_daemon]worker_num needs to be set to a value "
        "higher than 1",
        "Cannot start server on 127.0.0.1.",
    ),
    "token-missing": ("RuntimeError: Unable to find token_file  : /var/run/secrets/token",),
    "port-in-use": (
        "OSError: [Errno 98] Address already in use",
        "Failed to start controller-health health check server.: OSError: [Errno 98] Address "
        "already in use: ('', 8082)",
    ),
    "files-used-up": (
        "OSError: [Errno 24] Too many open files",
        "OSError: [Errno 23] Too many open files in system: '/host_proc/9/ns/net'",
    ),
    "memory-used-up": ("OSError: [Errno 12] Cannot allocate memory", "MemoryError"),
    "permission-denied": (
        "PermissionError: [Errno 13] Permission denied: '/var/lib/kuryr-lock/kuryr-x'",
    ),
    "disk-full": ("OSError: [Errno 28] No space left on device: '/var/lib/kuryr-lock/x'",),
    "disk-read-only": ("OSError: [Errno 30] Read-only file system: '/var/lib/kuryr-lock/x'",),
}
"""Of either program."""

CONTROLLER: dict[str, tuple[str, ...]] = {
    "quota-balancers": (
        f"{SDK}.ForbiddenException: 403: Client Error for url: {OCTAVIA}/loadbalancers, Quota has "
        "been met for resources: Load Balancer",
    ),
    "quota": (
        "Quota exceeded for resource: port",
        f"{SDK}.ConflictException: ConflictException: 409: Client Error for url: {NEUTRON}/ports, "
        "Quota exceeded for resources: ['port'].",
        f"{NC}.OverQuotaClient: Quota exceeded for resources: ['port'].",
        "Neutron quota exceeded for ports. Used 100 out of 100 limit.",
    ),
    "pairs-full": (
        f"{NC}.BadRequest: The number of allowed address pair exceeds the maximum 10.",
        f"{SDK}.BadRequestException: 400: Client Error for url: {NEUTRON}/ports/{PORT}, The number "
        "of allowed address pair exceeds the maximum 10.",
    ),
    "pairs-refused": (
        f"{SDK}.BadRequestException: 400: Client Error for url: {NEUTRON}/ports/{PORT}, "
        "Virtual MAC address fa:16:3e:01:02:03 in allowed address pair does not belong to the RFC "
        "5798 VRRP virtual MAC ranges (00:00:5e:00:01:XX for IPv4 or 00:00:5e:00:02:XX for IPv6).",
    ),
    "pairs-off": (
        f"{SDK}.ConflictException: 409: Client Error for url: {NEUTRON}/ports/{PORT}, Port "
        "Security "
        "must be enabled in order to have allowed address pairs on a port.",
    ),
    "pair-there": (
        f"{K8S}.AllowedAddressAlreadyPresent: Pair {{'ip_address': '10.1.0.9'}} already present in "
        "the 'allowed_address_pair' list. This is due to a misconfiguration or a bug",
    ),
    "node-port-unknown": (
        "Neutron port for vm port with fixed ips ip_address=172.16.1.1 not found!",
        "Neutron port for VM port with fixed IPs ['ip_address=172.16.1.1'] not found!",
        "Parent vm port with fixed ips ip_address=172.16.1.1 not found!",
        "Parent VM port with fixed IPs ['ip_address=172.16.1.1'] not found!",
    ),
    "no-trunk": (
        "Neutron port is missing trunk details. Please ensure that k8s node port is associated "
        "with "
        "a Neutron vlan trunk",
        f"{K8S}.K8sNodeTrunkPortFailure",
    ),
    "vlan-ids-used-up": (
        "There are no vlan ids available to create subports",
        "There is not enough vlan ids available to create a batch of 10 subports.",
    ),
    "vlan-conflict": (
        f"vlanid already in use on trunk, {PORT}. Retrying...",
        f"VLAN ID already in use on trunk {PORT}. Retrying.",
        "vlan ids already in use on trunk",
        f"Failed to add subport {PORT} to trunk {PORT} due to VLAN ID 403 conflict.",
        f"VLAN Id conflict (already in use) at trunk {PORT}",
    ),
    "port-on-trunk": (
        f"{SDK}.ConflictException: 409: Client Error for url: {NEUTRON}/ports/{PORT}, Port {PORT} "
        "is "
        f"currently a subport for trunk {PORT}.",
    ),
    "trunk-gone": (
        f"{SDK}.NotFoundException: 404: Client Error for url: {NEUTRON}/trunks/{PORT}, Trunk "
        f"{PORT} "
        "could not be found.",
        f"{SDK}.NotFoundException: 404: Client Error for url: {NEUTRON}/trunks/{PORT}, SubPort on "
        f"trunk {PORT} with parent port {PORT} could not be found. SubPortNotFound",
    ),
    "external-addresses-used-up": (
        "Failed to create floating IP - netid=x : BadRequestException: ExternalIpAddressExhausted",
        f"{SDK}.BadRequestException: 400: Client Error for url: {NEUTRON}/floatingips, No more IP "
        f"addresses available on network {PORT}.",
    ),
    "no-addresses-left": (
        f"{NC}.IpAddressGenerationFailureClient: No more IP addresses available on network {PORT}.",
        f"{SDK}.ConflictException: 409: Client Error for url: {NEUTRON}/ports, No more IP "
        "addresses "
        f"available on network {PORT}.",
    ),
    "subnet-of-no-service": (
        f"{K8S}.IntegrityError: Found 0 subnets for service /api/v1/namespaces/a/services/b IP "
        "10.1.0.9",
    ),
    "address-in-use": (
        f"{SDK}.ConflictException: 409: Client Error for url: {OCTAVIA}/loadbalancers, IP address "
        f"10.2.0.5 already allocated in subnet {PORT}",
    ),
    "not-an-id": (
        f"{SDK}.BadRequestException: 400: Client Error for url: {NEUTRON}/ports, Invalid input for "
        "network_id. Reason: 'pods' is not a valid UUID.",
    ),
    "resource-gone": (
        f"{SDK}.NotFoundException: 404: Client Error for url: {NEUTRON}/subnets/{PORT}, Subnet "
        f"{PORT} could not be found.",
        "Subnet does not exists. If namespace driver is used, probably the namespace for the pod "
        "is "
        "already deleted.",
        f"Service subnet {PORT} not found",
        f"{NC}.NotFound: Security group {PORT} does not exist",
    ),
    "port-not-bound": (
        f"Binding failed error for ports: ['{PORT}']. Please check Neutron for errors.",
    ),
    "port-stays-down": (
        f"{K8S}.PortNotReady: Resource not ready: 'Port {PORT} is stuck in DOWN status for several "
        "minutes. This is unexpected and indicates problem with OpenStack Neutron.'",
        f"Subport {PORT} is in DOWN status for more than 180 seconds. This is a Neutron issue.",
    ),
    "external-network-unset": (
        f"Skipping Floating IP allocation on port: {PORT}. Missing value for external_svc_net "
        "config.",
    ),
    "external-network-unrouted": (
        f"{SDK}.NotFoundException: 404: Client Error for url: {NEUTRON}/floatingips, External "
        f"network {PORT} is not reachable from subnet {PORT}.",
    ),
    "floating-ip-taken": (
        f"Failed to assign FIP {PORT} to VIP port {PORT}. It is probably already bound",
        "Floating IP=203.0.113.7 not available",
        "IP=203.0.113.7 is not available",
    ),
    "no-floating-ip": (
        f"Failed to allocate public IP - net_id:{PORT}",
        f"Failed to create floating IP - netid={PORT} ",
    ),
    "provider-not-enabled": (
        f"{SDK}.BadRequestException: 400: Client Error for url: {OCTAVIA}/loadbalancers, Provider "
        "'ovn' is not enabled.",
        "Request provider(ovn) != Response provider(amphora)",
    ),
    "protocol-unsupported": (
        "Skipping listener creation as provider does not support SCTP protocol",
        "Listener creation failed, most probably because protocol UDP is not supported",
    ),
    "listener-port-taken": (
        "Skipping listener creation for a/b:UDP:53 as another one already exists with port 53",
    ),
    "balancer-stuck": (
        f"{K8S}.LoadBalancerNotReady: Resource not ready: 'Loadbalancer {PORT} is stuck in "
        "PENDING_CREATE status for several minutes.'",
    ),
    "octavia-refuses-value": (
        f"{SDK}.BadRequestException: 400: Client Error for url: {OCTAVIA}/pools, Validation "
        "failure: lb_algorithm is not a valid option",
    ),
    "handlers-unknown": (
        'Handlers "lbaas" were not found.',
        'Handlers entrypoint "vif" failed to load due to No module named x.',
    ),
    "no-self-link": ("KeyError: 'selfLink'",),
    "status-missing": ("KeyError: 'status'", "KeyError: 'vifs'"),
    "kind-missing": (
        "CRD kuryrports does not exists.",
        f"{K8S}.K8sResourceNotFound: Resource not found: '404 page not found\\n'",
        f"{K8S}.K8sResourceNotFound: Resource not found: 'the server could not find the requested "
        "resource'",
    ),
    "python-too-new": (
        "TypeError: wrap_socket() got an unexpected keyword argument '_context'",
        "TypeError: GreenSSLSocket does not have a public constructor. Instances are returned by "
        "SSLContext.wrap_socket().",
    ),
    "image-broken": (
        "standard_init_linux.go:228: exec user process caused: exec format error",
        "ModuleNotFoundError: No module named 'kuryr_kubernetes'",
        "ImportError: cannot import name 'transactional' from 'pyroute2.ipdb'",
    ),
    "leader-unknown": ("Error when fetching current leader pod name.",),
    "watch-too-old": (
        f'{K8S}.K8sClientException: {STATUS}"too old resource version: 5 (9)","reason":"Expired",'
        '"code":410}',
    ),
    "endpoint-missing": (
        f"{KA}.catalog.EndpointNotFound: public endpoint for load-balancer service in RegionTwo "
        "region not found",
        f"{KA}.catalog.EmptyCatalog: The service catalog is empty.",
        f"{K8S}.UnreachableOctavia: Unable to reach Octavia API",
    ),
    "login-expired": (
        f"{KA}.http.Unauthorized: The password is expired and needs to be changed for user: x. "
        "(HTTP 401) (Request-ID: req-1)",
        f"{KA}.http.NotFound: Could not find application credential: {PORT}. (HTTP 404)",
        f"{KA}.http.Unauthorized: The account is locked for user: x. (HTTP 401)",
    ),
    "kubernetes-login": (
        f'{K8S}.K8sClientException: {STATUS}"Unauthorized","reason":"Unauthorized","code":401}}',
    ),
    "login-refused": (
        f"{KA}.http.Unauthorized: The request you have made requires authentication. (HTTP 401) "
        "(Request-ID: req-1)",
    ),
    "token-refused": (
        f"{SDK}.HttpException: HttpException: 401: Client Error for url: {NEUTRON}/ports, The "
        "request you have made requires authentication.",
        f"{NC}.Unauthorized: 401-{{'error': {{'message': 'The request you have made requires "
        "authentication.'}}",
    ),
    "kubernetes-right": (
        f"{K8S}.K8sForbidden: Forbidden: 'pods is forbidden: User "
        '"system:serviceaccount:kube-system:kuryr-controller" cannot list resource "pods" in API '
        "group'",
        f'{K8S}.K8sClientException: {STATUS}"services is forbidden: User '
        '\\"system:serviceaccount:a:b\\" cannot patch","reason":"Forbidden","code":403}',
    ),
    "octavia-right": (
        f"{SDK}.ForbiddenException: ForbiddenException: 403: Client Error for url: "
        f"{OCTAVIA}/loadbalancers, Policy does not allow this request to be performed.",
    ),
    "neutron-right": (
        f"{SDK}.ForbiddenException: ForbiddenException: 403: Client Error for url: "
        f"{NEUTRON}/ports, "
        "(rule:create_port and rule:create_port:binding:host_id) is disallowed by policy",
        f"{NC}.Forbidden: (rule:create_port and rule:create_port:binding:host_id) is disallowed by "
        "policy",
    ),
    "right-missing": (f"{KA}.http.Forbidden: You are not authorized (HTTP 403)",),
    "kubernetes-down": (
        f'{K8S}.K8sClientException: {STATUS}"etcdserver: request timed out","code":500}}',
    ),
    "octavia-down": (
        f"{SDK}.HttpException: HttpException: 503: Server Error for url: {OCTAVIA}/x",
    ),
    "neutron-down": (
        f"{SDK}.HttpException: HttpException: 504: Server Error for url: {NEUTRON}/ports, The "
        "server didn't respond in time.",
    ),
    "keystone-down": (
        f"{KA}.http.ServiceUnavailable: Service Unavailable (HTTP 503): {KEYSTONE}/auth/tokens",
        "Error when creating a Keystone session and getting a token: Service Unavailable (HTTP "
        "503).",
    ),
}

DAEMON: dict[str, tuple[str, ...]] = {
    "mtu-too-large": (
        f"{K8S}.CNIBindingFailure: MTU of interface ens3 (1400) does not match MTU of pod network "
        f"{PORT} (1450).",
        f"{K8S}.CNIBindingFailure: MTU of interface ens3 (1400) is smaller than MTU of pod network "
        f"{PORT} (1450).",
    ),
    "interface-left-over": (
        "pyroute2.netlink.exceptions.NetlinkError: (17, 'File exists')",
        "Creation of pod interface failed due to VLAN ID (vlan_info={'id': 403}) conflict. "
        "Probably "
        "the CRI had not cleaned up the network namespace of deleted pods. Attempting to retry.",
        "Creation of pod interface failed, most likely due to duplicated VLAN id. This will "
        "probably cause kuryr-daemon to crashloop.",
        "Creation of pod interface failed due to VLAN ID conflict. Probably the CRI had not "
        "cleaned "
        "up the network namespace of deleted pods. Attempting to retry.",
    ),
    "kernel-lacks-driver": (
        "pyroute2.netlink.exceptions.NetlinkError: (95, 'Operation not supported')",
    ),
    "parent-busy": ("pyroute2.netlink.exceptions.NetlinkError: (16, 'Device or resource busy')",),
    "no-privilege": (
        "pyroute2.netlink.exceptions.NetlinkError: (1, 'Operation not permitted')",
        "NET_ADMIN capability not present.",
    ),
    "link-iface": (
        "KeyError: 'ens9'",
        "KeyError: 'br-ex'",
        "pyroute2.netlink.exceptions.NetlinkError: (19, 'No such device')",
        f"{K8S}.CNIBindingFailure: Cannot find bridge interface for nested driver to use. Please "
        "set [binding]link_iface option.",
    ),
    "bridge-missing": (
        "The configured ovs_bridge=br-int integration interface does not exists. Reporting that "
        "driver is not healthy.",
    ),
    "interface-refused": ("pyroute2.netlink.exceptions.NetlinkError: (22, 'Invalid argument')",),
    "netlink-stuck": (
        "pyroute2.netlink.exceptions.NetlinkError: (105, 'No buffer space available')",
        "IPDB not in working order.",
    ),
    "namespace-unseen": (
        "FileNotFoundError: [Errno 2] No such file or directory: '/host_proc/4030/ns/net'",
        "FileNotFoundError: [Errno 2] No such file or directory: '/var/run/netns/cni-401'",
    ),
    "pod-state-missing": ("KeyError: 'status'",),
    "daemon-image-broken": ("ModuleNotFoundError: No module named 'pyroute2'",),
    "daemon-kind-missing": (
        f"{K8S}.K8sResourceNotFound: Resource not found: '404 page not found\\n'",
    ),
    "daemon-login": (
        f'{K8S}.K8sClientException: {STATUS}"Unauthorized","reason":"Unauthorized","code":401}}',
    ),
    "daemon-right": (
        f"{K8S}.K8sForbidden: Forbidden: 'kuryrports.openstack.org is forbidden: User "
        '"system:serviceaccount:kube-system:kuryr-daemon" cannot list\'',
    ),
    "daemon-api-down": (
        f'{K8S}.K8sClientException: {STATUS}"etcdserver: leader changed","code":500}}',
    ),
}

HARMLESS: tuple[str, ...] = (
    "Timed out waiting for requested KuryrPort to appear in registry",
    "Timed out waiting for requested pod to appear in registry",
    "Timed out waiting for vifs to become active",
    f"{K8S}.CNIKuryrPortTimeout: Timed out waiting for KuryrPort to be created for pod a/b. "
    "kuryr-controller is responsible for that, check logs there.",
    f"{K8S}.ResourceNotReady: Resource not ready: 'a/web-403'",
    "Report handler unhealthy KuryrPortHandler",
    "Component KuryrPortHandler is dead. Last caught exception below",
    "Failed watching '/api/v1/pods': deadline exceeded",
    "Restarting(3) watching '/api/v1/pods'.",
    "Failed to tag port 403 with ['blue']. Ignoring, but this is still unexpected: Connection "
    "refused",
    "Error when processing delNetwork request. Ignoring this error, pod is most likely gone: "
    "HTTP 403",
    "Error when cleaning up VIF x, ignoring: Connection refused",
    "Retrying (Retry(total=9, connect=None)) after connection broken by 'NewConnectionError("
    "Connection refused)': /v3/auth/tokens",
    "request failed with Connection refused, retried successfully",
    "succeeded after 3 retries: ConnectTimeout",
    f"{K8S}.K8sNamespaceTerminating: Forbidden: 'Namespace already terminated: ...because it is "
    "being terminated'",
    "No {'ip_address': 10.1.0.9, 'mac_address': fa:16} pair found in the 'allowed_address_pair' "
    "list while trying to remove it.",
    "Unable to release port x as it no longer exists.",
    f"Port {PORT} not found, ignoring its release request.",
    "Pod for KuryrPort web-401 was forcibly deleted. Attempting a cleanup before releasing "
    "KuryrPort.",
    "60s without data received from watching /api/v1/pods. Retrying the connection with "
    "resourceVersion=403.",
    "KeyError: 'default'",
    "Connection to /api/v1/pods closed when watching. This mostly happens when Octavia's Amphora "
    "closes connection due to lack of activity for 50s.",
    f"{SDK}.PreconditionFailedException: 412: Client Error for url: {NEUTRON}/ports/{PORT}, "
    "Constrained to 4, but current revision is 5",
    f"{SDK}.ConflictException: 409: Client Error for url: {OCTAVIA}/pools, Load Balancer {PORT} is "
    "immutable and cannot be updated.",
    f'{K8S}.K8sConflict: Conflict: \'{STATUS}"the object has been modified","code":409}}\'',
    f"{K8S}.K8sResourceNotFound: Resource not found: '{STATUS}\"pods web-401 not "
    'found","code":404}}\'',
    "Pod web-403 has no address, its port 401 is on node-503, 403 bytes, process 401",
    f"port {PORT} of pod a/401 took 0.403 s",
)
"""What looks alike and means nothing: effects, what was mended, numbers that are no statuses."""
