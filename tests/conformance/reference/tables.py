"""Lookups: interfaces, neighbours, routes (longest prefix match), labels."""

import ipaddress
from collections import namedtuple

NextHop = namedtuple("NextHop", "interface address labels weight", defaults=((), 1))
NO_SID = "no-sid"


class Sid:
    """A local SID (RFC 8986), or an IPv6 binding SID: policy is the (color, endpoint) then."""

    def __init__(self, entry):
        self.behavior = entry["behavior"]
        self.flavors = set(entry.get("flavors", []))
        self.table = entry.get("table", "main")
        self.hops = [NextHop(h["interface"], ipaddress.ip_address(h["address"]))
                     for h in entry.get("next-hops", [])]
        policy = entry.get("policy")
        self.policy = (policy["color"], policy["endpoint"]) if policy else None
        self.block_bits = entry.get("locator-block-bits", 32)
        length = int(entry.get("sid", "/128").partition("/")[2])
        self.node_bits = entry.get("locator-node-bits", length - self.block_bits)


class Tables:
    def __init__(self, config):
        self.interfaces = {i["name"]: i for i in config["interfaces"]}
        self.neighbors = {(n["interface"], ipaddress.ip_address(n["address"])): n
                          for n in config.get("neighbors", [])}
        self.local = set()
        self.routes = []
        for interface in config["interfaces"]:
            for text in interface.get("addresses", []):
                address = ipaddress.ip_interface(text)
                self.local.add(address.ip)
                self.routes.append((interface.get("table", "main"), address.network,
                                    [NextHop(interface["name"], None)]))
        sids = {entry["sid"] for entry in config.get("srv6", {}).get("local-sids", [])}
        if "srv6-source" in config and f"{config['srv6-source']}/128" not in sids:
            self.local.add(ipaddress.ip_address(config["srv6-source"]))
        for route in config.get("routes", []):
            if "sr-policy" in route:
                continue  # see policies.py
            hops = [NextHop(h["interface"], ipaddress.ip_address(h["address"]),
                            tuple(h.get("labels", ())), h.get("weight", 1))
                    for h in route["next-hops"]]
            self.routes.append((route.get("table", "main"), ipaddress.ip_network(route["prefix"]),
                                hops))
        mpls = config.get("mpls", {})
        self.short_pipe = mpls.get("ttl-model", "uniform") == "short-pipe"
        self.labels = {entry["label"]: entry for entry in mpls.get("labels", [])}
        srv6 = config.get("srv6", {})
        for locator in srv6.get("locators", []):
            self.add("main", locator, NO_SID)
        for entry in srv6.get("local-sids", []):
            self.add("main", entry["sid"], Sid(entry))

    def add(self, table, prefix, target):
        self.routes.append((table, ipaddress.ip_network(prefix), target))

    def route(self, table, address):
        """What the longest prefix leads to, or None: next hops, a Sid, NO_SID or a policy."""
        hits = [(network.prefixlen, i, hops) for i, (name, network, hops) in enumerate(self.routes)
                if name == table and network.version == address.version and address in network]
        return max(hits, key=lambda hit: hit[:2])[2] if hits else None

    def label_hop(self, entry):
        hop = entry["next-hops"][0]
        return NextHop(hop["interface"], ipaddress.ip_address(hop["address"]))

    def neighbor(self, interface, address):
        return self.neighbors.get((interface, address))

    def mac(self, interface, address):
        neighbor = self.neighbor(interface, address)
        return neighbor and neighbor["mac"]
