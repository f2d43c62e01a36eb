"""The configuration: a strict YAML document turned into the values that the other rooms work with."""
