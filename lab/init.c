// SPDX-License-Identifier: Apache-2.0
// Process 1 of a guest: load modules, put an overlay over the host's root file system, or over the folder of it that the
// parameter TRACER_LAB_ROOT names, run /run/lab/command, write down how it ended, power off. Static, so that it needs nothing
// of any root file system.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define DEBUG_EXIT 0xf4 /* I/O port of QEMU's isa-debug-exit, see qemu.py */
#define P9_OPTIONS "trans=virtio,version=9p2000.L,msize=1048576,cache="

static void power_off(void)
{
	sync();
	if (!iopl(3))
		outl(0, DEBUG_EXIT);
	reboot(RB_AUTOBOOT); /* QEMU runs with -no-reboot */
	for (;;)
		pause();
}

/* What goes wrong is said on the console, which the host shows when a guest ends without a status. */
static int complain(int result, const char *what)
{
	if (result < 0)
		dprintf(1, "init: %s: %s\n", what, strerror(errno));
	return result;
}

static void must(int result, const char *what)
{
	if (complain(result, what) < 0)
		power_off();
}

static void mount_at(const char *type, const char *where, const char *options)
{
	mkdir(where, 0755);
	complain(mount(type, where, type, 0, options), where);
}

static void load_modules(void)
{
	char name[256], path[300];
	FILE *list = fopen("/mods/list", "r");

	while (list && fgets(name, sizeof(name), list)) {
		name[strcspn(name, "\n")] = 0;
		snprintf(path, sizeof(path), "/mods/%s", name);
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		if (syscall(SYS_finit_module, fd, "", 0) < 0 && errno != EEXIST)
			complain(-1, path);
		close(fd);
	}
	if (list)
		fclose(list);
}

static void mount_root(void)
{
	const char *folder = getenv("TRACER_LAB_ROOT"); /* the kernel hands on what it does not know */
	char lower[4096];

	snprintf(lower, sizeof(lower), "/host%s", folder ? folder : "");
	mkdir("/host", 0755);
	mkdir("/lower", 0755);
	mkdir("/scratch", 0755);
	mkdir("/new", 0755);
	/* the device may need a moment to be found: ten seconds at the most */
	for (int tries = 0; mount("root", "/host", "9p", MS_RDONLY, P9_OPTIONS "loose") < 0; tries++) {
		if (tries == 1000)
			must(-1, "mounting the root file system of the host");
		usleep(10000);
	}
	must(mount(lower, "/lower", NULL, MS_BIND, NULL), lower); /* its path may have what options may not */
	must(mount("scratch", "/scratch", "tmpfs", 0, "size=75%"), "scratch");
	mkdir("/scratch/upper", 0755);
	mkdir("/scratch/work", 0755);
	must(mount("overlay", "/new", "overlay", 0,
		   "lowerdir=/lower,upperdir=/scratch/upper,workdir=/scratch/work,xino=off"), "overlay");
	mount_at("tmpfs", "/new/run", "mode=0755");
	mkdir("/new/run/host", 0755);
	must(mount("/host", "/new/run/host", NULL, MS_MOVE, NULL), "move /host");
	must(chdir("/new"), "chdir");
	must(mount("/dev", "/new/dev", NULL, MS_MOVE, NULL), "move /dev");
	must(mount("/new", "/", NULL, MS_MOVE, NULL), "move /");
	must(chroot("."), "chroot");
	must(chdir("/"), "chdir");
}

static void mount_others(void)
{
	/* Not /tmp: the host's may hold the tests or the Python that they run with. It is writable, as everything is. */
	mount_at("proc", "/proc", "");
	mount_at("sysfs", "/sys", "");
	mount_at("devpts", "/dev/pts", "ptmxmode=666");
	mount_at("tmpfs", "/dev/shm", "mode=1777");
	mount_at("debugfs", "/sys/kernel/debug", "");
	mount_at("tracefs", "/sys/kernel/tracing", "");
	mount_at("securityfs", "/sys/kernel/security", "");
	mount_at("bpf", "/sys/fs/bpf", "");
	mount_at("cgroup2", "/sys/fs/cgroup", "");
	mkdir("/run/lock", 0755);
	mkdir("/run/netns", 0755);
	mkdir("/run/lab", 0755);
	mkdir("/run/tmp", 0755);
	chmod("/run/tmp", 01777);
	complain(symlink("/proc/self/fd", "/dev/fd"), "/dev/fd");
	complain(symlink("/proc/self/fd/0", "/dev/stdin"), "/dev/stdin");
	complain(symlink("/proc/self/fd/1", "/dev/stdout"), "/dev/stdout");
	complain(symlink("/proc/self/fd/2", "/dev/stderr"), "/dev/stderr");
	must(mount("lab", "/run/lab", "9p", 0, P9_OPTIONS "none"), "mounting the folder shared with the host");
}

static void loopback_up(void)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	complain(ioctl(fd, SIOCSIFFLAGS, &request), "lo");
	close(fd);
}

static void run_command(int out, int err)
{
	char *argv[] = { "/bin/bash", "/run/lab/command", NULL };
	char *envp[] = { "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
			 "HOME=/root", "TERM=dumb", "LANG=C.UTF-8", "TMPDIR=/run/tmp", NULL };

	setsid();
	dup2(open("/dev/null", O_RDONLY), 0);
	dup2(out, 1);
	dup2(err, 2);
	execve(argv[0], argv, envp);
	dprintf(2, "init: %s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

/* The port that the host reads, or the console. Through a pipe, so that the command can open /dev/stdout again. */
static int port(const char *path)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	return complain(fd, path) < 0 ? dup(1) : fd;
}

static int copy(int from, int to)
{
	static char buffer[65536];
	ssize_t size = read(from, buffer, sizeof(buffer));

	for (ssize_t done = 0, n; done < size; done += n)
		if ((n = write(to, buffer + done, size - done)) <= 0)
			break;
	return size > 0;
}

static void write_status(int status)
{
	int fd = open("/run/lab/status", O_WRONLY | O_CREAT | O_TRUNC, 0644);

	if (WIFEXITED(status))
		dprintf(fd, "exit %d\n", WEXITSTATUS(status));
	else
		dprintf(fd, "signal %d\n", WTERMSIG(status));
	complain(fsync(fd), "status");
	close(fd);
}

int main(void)
{
	int out[2], err[2], ended = 0, status = 0, any;

	mkdir("/dev", 0755);
	mount("dev", "/dev", "devtmpfs", 0, "");
	int console = open("/dev/ttyS0", O_RDWR);
	for (int fd = 0; fd < 3; fd++)
		dup2(console, fd);
	load_modules();
	mount_root();
	mount_others();
	complain(sethostname("guest", 5), "name");
	loopback_up();
	must(pipe2(out, O_CLOEXEC), "pipe");
	must(pipe2(err, O_CLOEXEC), "pipe");
	pid_t child = fork(), pid;
	if (!child)
		run_command(out[1], err[1]);
	must(child, "fork");
	close(out[1]);
	close(err[1]);

	int to[2] = { port("/dev/vport0p1"), port("/dev/vport0p2") };
	struct pollfd from[2] = { { out[0], POLLIN, 0 }, { err[0], POLLIN, 0 } };
	do {
		any = 0;
		poll(from, 2, ended ? 0 : 50);
		for (int i = 0; i < 2; i++) {
			if (from[i].fd < 0 || !from[i].revents)
				continue;
			if (copy(from[i].fd, to[i]))
				any = 1;
			else
				from[i].fd = -1;
		}
		int found;
		while ((pid = waitpid(-1, &found, WNOHANG)) > 0)
			if (pid == child) {
				ended = any = 1; /* once more: it may have written since */
				status = found;
			}
	} while (!ended || any); /* daemons that it left may hold the pipes for ever */
	write_status(status);
	power_off();
}
