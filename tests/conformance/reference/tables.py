"""Lookups: interfaces, neighbours, routes (longest prefix match), labels."""

import ipaddress
from collections import namedtuple

NextHop = namedtuple("NextHop", "interface address labels weight", defaults=((), 1))


class Tables:
    def __init__(self, config):
        self.interfaces = {i["name"]: i for i in config["interfaces"]}
        self.neighbors = {(n["interface"], ipaddress.ip_address(n["address"])): n["mac"]
                          for n in config.get("neighbors", [])}
        self.local = set()
        self.routes = []
        for interface in config["interfaces"]:
            for text in interface.get("addresses", []):
                address = ipaddress.ip_interface(text)
                self.local.add(address.ip)
                self.routes.append((interface.get("table", "main"), address.network,
                                    [NextHop(interface["name"], None)]))
        for route in config.get("routes", []):
            hops = [NextHop(h["interface"], ipaddress.ip_address(h["address"]),
                            tuple(h.get("labels", ())), h.get("weight", 1))
                    for h in route["next-hops"]]
            self.routes.append((route.get("table", "main"), ipaddress.ip_network(route["prefix"]),
                                hops))
        mpls = config.get("mpls", {})
        self.short_pipe = mpls.get("ttl-model", "uniform") == "short-pipe"
        self.labels = {entry["label"]: entry for entry in mpls.get("labels", [])}

    def route(self, table, address):
        """Next hops of the longest prefix, or None."""
        hits = [(network.prefixlen, hops) for name, network, hops in self.routes
                if name == table and network.version == address.version and address in network]
        return max(hits, key=lambda hit: hit[0])[1] if hits else None

    def label_hop(self, entry):
        hop = entry["next-hops"][0]
        return NextHop(hop["interface"], ipaddress.ip_address(hop["address"]))

    def mac(self, interface, address):
        return self.neighbors.get((interface, address))
