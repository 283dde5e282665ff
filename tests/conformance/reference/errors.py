"""How a packet ends that is not sent."""


class Drop(Exception):
    """The packet ends here; icmp (type, code), mtu and pointer go into an ICMP error, where one is
    due. icmp None: what the reason stands for."""

    def __init__(self, reason, mtu=None, pointer=None, answer=True, icmp=None):
        super().__init__(reason)
        self.reason = reason
        self.mtu = mtu
        self.pointer = pointer
        self.answer = answer
        self.icmp = icmp


class ToKernel(Exception):
    """The packet is the host's."""
