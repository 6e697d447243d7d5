// SPDX-License-Identifier: GPL-2.0

#include <linux/in.h>
#include <linux/net.h>
#include <linux/uio.h>
#include <net/net_namespace.h>

/* Sends a datagram of @len bytes to this machine itself, where nobody waits for it. */
int rust_helper_irqlab_send_to_self(void *data, size_t len)
{
#ifdef CONFIG_INET
	/* The port of the discard protocol. */
	struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons(9),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	struct msghdr message = { .msg_name = &to, .msg_namelen = sizeof(to) };
	struct kvec vector = { .iov_base = data, .iov_len = len };
	struct socket *socket;
	int error;

	error = sock_create_kern(&init_net, AF_INET, SOCK_DGRAM, IPPROTO_UDP, &socket);
	if (error)
		return error;
	error = kernel_sendmsg(socket, &message, &vector, 1, len);
	sock_release(socket);
	return min(error, 0);
#else
	return -EAFNOSUPPORT;
#endif
}
