"""Which frames the XDP filter leaves to the host, as docs/kernel.md has it."""

import ipaddress

IPV4, IPV6, MPLS = 0x0800, 0x86DD, 0x8847
MAY_HOLD_OPTION = {0, 43, 44, 51, 60}


def addresses_of_router(config):
    own = {ipaddress.ip_interface(address).ip
           for each in config["interfaces"] for address in each.get("addresses", [])}
    return own | {ipaddress.ip_address(config[key]) for key in ("srv6-source",) if key in config}


def forwarded_prefixes(config, interface):
    """Where the router takes packets of the interface to."""
    def table_of(entry):
        return entry.get("table", "main")

    table = table_of(interface)
    prefixes = [address for each in config["interfaces"] if table_of(each) == table
                for address in each.get("addresses", [])]
    prefixes += [route["prefix"] for route in config.get("routes", []) if table_of(route) == table]
    srv6 = config.get("srv6", {})
    prefixes += srv6.get("locators", []) + [each["sid"] for each in srv6.get("local-sids", [])]
    prefixes += [each["binding-sid"] for each in config.get("sr-policies", [])
                 if ":" in str(each.get("binding-sid", ""))]
    for flow in config.get("detnet", {}).get("flows", []):
        match = flow["match"]
        if "sr-policy" in flow and "mpls-label" not in match \
                and match.get("interface", interface["name"]) == interface["name"]:
            prefixes += [match["destination"]] if "destination" in match else ["0.0.0.0/0", "::/0"]
    return [ipaddress.ip_interface(prefix).network for prefix in prefixes]


def goes_to_worker(config, interface, frame):
    """`interface`: its entry in the configuration."""
    ether_type, packet = int.from_bytes(frame[12:14], "big"), frame[14:]
    to_own_mac = frame[:6] == bytes.fromhex(interface["mac"].replace(":", ""))
    if ether_type == MPLS:
        return to_own_mac
    if ether_type == IPV6 and len(packet) >= 40 and packet[6] in MAY_HOLD_OPTION:
        return True
    if not to_own_mac:
        return False
    if ether_type == IPV4 and len(packet) >= 20:
        destination = ipaddress.IPv4Address(packet[16:20])
    elif ether_type == IPV6 and len(packet) >= 40:
        destination = ipaddress.IPv6Address(packet[24:40])
        if destination.is_link_local or destination.is_multicast:
            return False
    else:
        return False
    return (destination not in addresses_of_router(config)
            and any(destination in prefix for prefix in forwarded_prefixes(config, interface)
                    if prefix.version == destination.version))
