/* Network namespaces with names, kept where ip(8) keeps them; and a thread's visit to one. */
#define _GNU_SOURCE
#include "internal.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <unistd.h>

#define OWN "/proc/thread-self/ns/net" /* since Linux 3.17 */

/* Also of the child that the thread forks. */
static uint64_t thread(void)
{
    return (uint64_t)pthread_self();
}

int pynl_netns_share(const char *folder)
{
    /* Two that do it at once would bind the folder to itself twice. */
    int lock = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int result = 0;

    if (lock < 0)
        return -errno;
    if (flock(lock, LOCK_EX) < 0)
        result = -errno;
    /* EINVAL: it is no mount point yet. */
    else if (mount("", folder, "none", MS_SHARED | MS_REC, NULL) < 0 &&
             (errno != EINVAL || mount(folder, folder, "none", MS_BIND | MS_REC, NULL) < 0 ||
              mount("", folder, "none", MS_SHARED | MS_REC, NULL) < 0))
        result = -errno;
    close(lock);
    return result;
}

int pynl_netns_create(const char *path)
{
    int result = open(path, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0);

    if (result < 0)
        return -errno;
    close(result);
    if (unshare(CLONE_NEWNET) == 0 && mount(OWN, path, "none", MS_BIND, NULL) == 0)
        return 0;
    result = -errno;
    unlink(path);
    return result;
}

int pynl_netns_delete(const char *path)
{
    /* EINVAL: nothing is mounted there, as when create was killed halfway. */
    if (umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) < 0 && errno != EINVAL)
        return -errno;
    return unlink(path) < 0 ? -errno : 0;
}

static void shut(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

int pynl_netns_enter(struct pynl_netns *visit)
{
    visit->home = open(OWN, O_RDONLY | O_CLOEXEC);
    if (visit->home < 0)
        return -errno;
    visit->thread = thread();
    /* A thread that could not go home again does not leave. */
    if (setns(visit->home, CLONE_NEWNET) < 0 || setns(visit->target, CLONE_NEWNET) < 0) {
        int error = errno;

        shut(&visit->home);
        return -error;
    }
    return 0;
}

int pynl_netns_leave(struct pynl_netns *visit)
{
    int result = 0;

    if (visit->home >= 0 && visit->thread == thread() && setns(visit->home, CLONE_NEWNET) < 0)
        result = -errno;
    shut(&visit->home);
    shut(&visit->target);
    return result;
}
