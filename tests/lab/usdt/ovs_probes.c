// SPDX-License-Identifier: Apache-2.0
// Stands for ovs-vswitchd where no build of it with USDT probes can be had: probes of the same providers and names, with as
// many arguments of the same kinds, on structures that begin alike. See lib/dpif.c and lib/dpif-netlink.c of Open vSwitch.
//
// Each line that it reads, "PROBE NUMBER", fires one probe, and is answered with the probe and its arguments. NUMBER is the
// size of the packet; each of its bytes is the last digit of its place.
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/sdt.h>

#define HEX "0x%lx"
#define UNKNOWN __attribute__((noipa))
#define NUMBER(value) ((unsigned long)(value))

enum upcall_type { UPCALL_MISS, UPCALL_ACTION };

struct attribute { /* of netlink: in_port, a number */
	uint16_t length, type;
	uint32_t value;
};

struct dpif {
	const void *class;
	char *base_name, *full_name;
};

struct dpif_upcall {
	enum upcall_type type;
	uint32_t size;
	const char *packet;
	const struct attribute *key;
	size_t key_length;
};

struct dpif_flow_put {
	int flags;
	const struct attribute *key;
	size_t key_length;
	const struct attribute *mask;
	size_t mask_length;
	const struct attribute *actions;
	size_t actions_length;
	const uint64_t *ufid;
	unsigned int pmd;
	void *statistics;
};

struct dpif_execute {
	const struct attribute *actions;
	size_t actions_length;
	bool needs_help, probe;
	unsigned int mtu;
	uint64_t hash, upcall_pid;
	const void *flow, *packet;
};

static char packet[65536];
static struct attribute key = { sizeof(key), 3, 7 }, action = { sizeof(action), 1, 2 };
static const uint64_t ufid[2] = { 0x1111222233334444, 0x5555666677778888 };
static struct dpif dpif = { NULL, "ovs-system", "system@ovs-system" };
static struct dpif_flow_put put = { 1, &key, sizeof(key), &key, sizeof(key), &action, sizeof(action), ufid, 0, NULL };
static struct dpif_execute execute = { &action, sizeof(action), false, false, 0, 0x99, 0, NULL, packet };
static char flow[64], request[64];

/* What the compiler cannot know is in registers and behind them, as in the original. */
static UNKNOWN void dpif_recv(const struct dpif *dpif, const struct dpif_upcall *upcall)
{
	DTRACE_PROBE6(dpif_recv, recv_upcall, dpif->full_name, upcall->type, upcall->packet, upcall->size, upcall->key,
		      upcall->key_length);
	printf("recv_upcall " HEX " %d " HEX " %u " HEX " %zu\n", NUMBER(dpif->full_name), upcall->type,
	       NUMBER(upcall->packet), upcall->size, NUMBER(upcall->key), upcall->key_length);
}

static UNKNOWN void dpif_netlink_operate__(const char *name, uint32_t size, const struct dpif *dpif,
					   const struct dpif_flow_put *put, const struct dpif_execute *execute)
{
	if (!strcmp(name, "op_flow_put")) {
		DTRACE_PROBE4(dpif_netlink_operate__, op_flow_put, dpif, put, flow, request);
		printf("op_flow_put " HEX " " HEX " " HEX " " HEX "\n", NUMBER(dpif), NUMBER(put), NUMBER(flow),
		       NUMBER(request));
	} else if (!strcmp(name, "op_flow_execute")) {
		DTRACE_PROBE5(dpif_netlink_operate__, op_flow_execute, dpif, execute, execute->packet, size, request);
		printf("op_flow_execute " HEX " " HEX " " HEX " %u " HEX "\n", NUMBER(dpif), NUMBER(execute),
		       NUMBER(execute->packet), size, NUMBER(request));
	} else {
		printf("no probe %s\n", name);
	}
}

int main(void)
{
	struct dpif_upcall upcall = { UPCALL_ACTION, 0, packet, &key, sizeof(key) };
	char name[32];
	unsigned int size;

	for (size_t i = 0; i < sizeof(packet); i++)
		packet[i] = '0' + i % 10;
	while (scanf("%31s %u", name, &size) == 2) {
		upcall.size = size;
		if (!strcmp(name, "recv_upcall"))
			dpif_recv(&dpif, &upcall);
		else
			dpif_netlink_operate__(name, size, &dpif, &put, &execute);
		fflush(stdout);
	}
	return 0;
}
