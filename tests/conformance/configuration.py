"""Configurations as a person would write them."""

import yaml


class WrittenOut(yaml.SafeDumper):
    """Writes twice what is there twice: the router reads no anchors and aliases."""

    def ignore_aliases(self, data):
        return True


def yaml_of(config):
    return yaml.dump(config, Dumper=WrittenOut, sort_keys=False, width=100)
