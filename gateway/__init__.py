"""The gateway: from a verified register to the files of nginx and HAProxy, and into them. It holds no key and grants nothing."""
