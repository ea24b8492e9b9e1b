"""This package delivers messages over the network: by e-mail, and by HTTP to webhooks."""
