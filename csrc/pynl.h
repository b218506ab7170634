/*
 * The boundary between Python and the C core. cffi reads this file verbatim, so it holds declarations only:
 * no preprocessor directives, no inline code. The compiler checks it against every source file.
 *
 * Rules of the boundary:
 *   - a function returns >= 0, or -errno; none prints, exits, or keeps state between calls;
 *   - -EINTR is returned, not retried: Python decides whether to go on;
 *   - one object is used by one thread at a time, except struct pynl_reply, whose receiver and taker may be two.
 */

/* ---- The plan: what the declarations of a message compile to. Owned by Python, never written by C. ---- */

enum pynl_kind {
    PYNL_INT,     /* an integer in host byte order: `size` bytes */
    PYNL_BE,      /* an integer in network byte order: `size` bytes */
    PYNL_FLAG,    /* its presence is its value */
    PYNL_ADDRESS, /* 0 to 32 bytes, as they are */
    PYNL_TEXT,    /* bytes up to the first NUL */
    PYNL_NEST,    /* the fixed header of `level`, then attributes */
    PYNL_INDEXED, /* attributes whose types count: each holds one `level` */
    PYNL_HOPS,    /* struct rtnexthop after struct rtnexthop, each with its own length: one `level` each */
    PYNL_DEEP     /* only its presence makes a column; Python reads the rest through the tape */
};

struct pynl_field {
    uint16_t type;  /* the attribute's type; of a header member: its offset in the header */
    uint8_t kind;   /* enum pynl_kind */
    uint8_t size;   /* of an integer: bytes on the wire */
    int16_t column; /* the column that it fills, or -1 */
    int16_t level;  /* the level that it nests, or -1 */
};

struct pynl_level {
    uint16_t header; /* bytes of the fixed header before the first attribute */
    uint16_t member; /* the first of its header members among the plan's fields */
    uint16_t members;
    uint16_t columns; /* not 0: this level or one below fills a column */
    uint32_t lookup;  /* where its part of the plan's `lookup` starts, */
    uint32_t types;   /* and for how many attribute types it goes on, from type 0 */
};

struct pynl_plan {
    const struct pynl_field *fields;
    const struct pynl_level *levels; /* levels[0] is the message itself */
    const int16_t *lookup;           /* attribute type -> index of its field, or -1 */
    uint16_t type;                   /* the nlmsg_type that it decodes; 0: any */
    uint16_t columns;
    uint16_t level_count;
};

/* ---- socket.c: an AF_NETLINK socket ---- */

struct pynl_socket {
    int fd;
    int wake;      /* an eventfd: written by pynl_socket_wake, polled beside fd */
    uint32_t port; /* the port id that the kernel gave */
    uint8_t *buffer;
    uint64_t size; /* of the buffer: larger than the largest datagram that the kernel can make */
    uint64_t room; /* what of it the kernel is told of, and so the largest datagram of a dump; 0: all */
};

/* Opens and binds. netns >= 0: first moves the *calling thread* into that network namespace, and leaves it
   there; call it from a thread that ends afterwards. */
int pynl_socket_open(struct pynl_socket *, int protocol, int netns);
int pynl_socket_close(struct pynl_socket *);
int pynl_socket_set(const struct pynl_socket *, int level, int option, int value);
int pynl_socket_get(const struct pynl_socket *, int level, int option);
/* Makes a receive that waits, and every later one that would, return -ECANCELED. Safe from any thread. */
int pynl_socket_wake(const struct pynl_socket *);
int64_t pynl_socket_send(const struct pynl_socket *, const uint8_t *data, uint64_t size);
/* Attaches a classic BPF program, whose instructions are struct sock_filter; 0 of them: detaches it. */
int pynl_socket_filter(const struct pynl_socket *, const uint8_t *program, uint16_t instructions);
/* Receives one datagram into the buffer and returns its size; waits at most timeout_ms for it (-1: for ever).
   -EMSGSIZE: it did not fit, and is lost. *sender gets the sender's port id: 0 is the kernel. */
int64_t pynl_socket_receive(const struct pynl_socket *, int timeout_ms, uint32_t *sender);

/* ---- netns.c: network namespaces with names, and a thread's visit to one ---- */

struct pynl_netns {
    int target;      /* the namespace to visit, closed when it is over */
    int home;        /* the one to go back to; -1: the thread is there */
    uint64_t thread; /* the one that is away */
};

/* Makes the folder of the names a shared mount, as ip(8) does, so that what is mounted in it reaches all who see it. */
int pynl_netns_share(const char *folder);
/* Makes the file, and moves the *calling thread* into a new namespace that it then names; call it from a thread that
   ends afterwards. The namespace lives on by its name. -EEXIST: there is such a file. */
int pynl_netns_create(const char *path);
/* Takes the name away; the namespace lives on for as long as somebody is in it. */
int pynl_netns_delete(const char *path);
/* Moves the calling thread into a namespace. -EPERM also where it would not be let back. */
int pynl_netns_enter(struct pynl_netns *);
/* Moves it back, if it is the same thread, and closes what is open. May be called twice. */
int pynl_netns_leave(struct pynl_netns *);

/* ---- reply.c: all that the kernel answers to one request ---- */

struct pynl_segment { /* whole messages, one after another */
    struct pynl_segment *next;
    uint64_t size;
    uint64_t capacity;
    uint8_t *data;
    uint64_t *starts; /* of a reply's: where what came in one datagram begins */
    uint32_t start_count;
    uint32_t start_capacity;
};

struct pynl_segment *pynl_segment_new(const uint8_t *data, uint64_t size);
void pynl_segment_free(struct pynl_segment *);

struct pynl_state {
    int32_t result;   /* 0: goes on; 1: the reply is complete; -errno: why it is not */
    int32_t error;    /* the errno that the kernel's DONE or ERROR carried, positive; 0: success */
    uint32_t flags;   /* every NLM_F_* seen on its messages */
    uint32_t overrun; /* NLMSG_OVERRUN messages */
    uint64_t datagrams;
    uint64_t bytes;
    uint64_t messages;    /* of this request, the final one among them */
    uint64_t kept;        /* bytes of the messages of this request, padded: those that are taken in segments */
    uint64_t skipped;     /* messages of other requests, and datagrams that were not the kernel's */
    const uint8_t *final; /* the DONE or ERROR message, or what could not be walked; valid until the reply is freed */
    uint64_t final_size;
};

struct pynl_counts { /* of all that share it, which may be in several threads */
    uint64_t messages;
    uint64_t bytes;
    uint64_t overruns;
    uint64_t truncations;
};

struct pynl_reply;

/* counts: what is received is added to them, if they are given; they live longer than the reply.
   ahead: how many segments may wait to be taken before the receiver pauses; 0: any number. */
struct pynl_reply *pynl_reply_new(uint32_t sequence, uint32_t port, uint32_t ahead, struct pynl_counts *counts);
void pynl_reply_free(struct pynl_reply *);
/* Receives until the reply is complete (1), or has grown by `limit` bytes (0; limit 0: no limit), or -errno.
   timeout_ms: for each datagram. -EINTR also comes by itself now and then while it waits, so that a signal that no
   call was interrupted by is seen; called again, it goes on where it was. */
int pynl_reply_receive(struct pynl_reply *, const struct pynl_socket *, uint64_t limit, int timeout_ms);
/* The next segment, now the caller's; NULL where none came within timeout_ms, or none will. */
struct pynl_segment *pynl_reply_take(struct pynl_reply *, int timeout_ms);
/* Makes the receiver return -ECANCELED, however long it would have waited; safe from any thread. */
void pynl_reply_cancel(struct pynl_reply *, const struct pynl_socket *);
void pynl_reply_state(struct pynl_reply *, struct pynl_state *);

/* ---- decode.c: messages into columns ---- */

struct pynl_column {  /* Arrow's layout; all NULL while no row has a value */
    uint8_t *valid;   /* validity bitmap, least significant bit first */
    uint8_t *values;  /* `width` bytes a row; of text: rows + 1 offsets (int32) into `text` */
    uint8_t *lengths; /* of addresses: the bytes used of each row's `width` */
    uint8_t *text;
    uint64_t text_size;
    uint64_t text_capacity;
    uint64_t count;  /* rows that have a value */
    uint64_t filled; /* of text: rows whose offset is written */
    uint32_t width;  /* of addresses: the longest seen */
    uint32_t kind;   /* enum pynl_kind */
};

struct pynl_filter { /* keeps a row only if its column holds this value */
    uint16_t column;
    uint16_t pushed; /* the request held it too: not applied to messages with NLM_F_DUMP_FILTERED */
    uint32_t length;
    const uint8_t *value; /* of a number: 8 bytes in host order; otherwise `length` bytes; NULL: the row has none */
};

struct pynl_start {
    uint64_t row;  /* the first of the datagram, or of the next ones where a filter kept none of it */
    uint64_t size; /* bytes of the datagram's messages */
};

struct pynl_table {
    uint64_t rows;
    uint64_t capacity;
    const uint8_t **messages; /* where each row's nlmsghdr lies in the segments */
    struct pynl_column *columns;
    uint32_t column_count;
    uint32_t unknown;       /* top-level attributes that the plan does not name, or of another length; saturates */
    uint64_t filtered;      /* rows that a filter dropped */
    uint64_t skipped;       /* messages of another type */
    uint64_t bytes;         /* decoded so far */
    uint64_t bad;           /* messages that could not be decoded */
    uint64_t bad_at;        /* the first of them: its byte offset, counted from the first segment's start, */
    uint64_t bad_attribute; /* and where in it the fault lies */
    const uint8_t *bad_message;
    struct pynl_segment *segments;
    struct pynl_start *starts; /* one for each datagram of a reply, in order */
    uint64_t start_count;
    uint64_t start_capacity;
    uint32_t longest; /* bytes of the longest message */
    uint32_t owners;
};

/* kinds and widths: one for each of the plan's columns. */
struct pynl_table *pynl_table_new(const uint8_t *kinds, const uint8_t *widths, uint32_t columns);
/* One owner more: as many calls of pynl_table_free as there are owners free it. */
struct pynl_table *pynl_table_retain(struct pynl_table *);
void pynl_table_free(struct pynl_table *);
/* Decodes a segment and keeps it: the table owns it from here on, whatever is returned. Returns the rows it added. */
int64_t pynl_table_decode(struct pynl_table *, const struct pynl_plan *, const struct pynl_filter *, uint32_t filters,
                          struct pynl_segment *);
/* Copies one message, whatever its type, and decodes the copy. Returns the rows it added: 1, or 0 where a filter dropped
   it; -EBADMSG: it is counted as bad. pynl_table_finish comes after the last, before columns are read. */
int pynl_table_append(struct pynl_table *, const struct pynl_plan *, const struct pynl_filter *, uint32_t filters,
                      const uint8_t *message, uint64_t size);
void pynl_table_finish(struct pynl_table *);
/* Takes memory for the first rows of an empty table, for the columns that another of its kind has: what is then appended
   finds it there. */
int pynl_table_prepare(struct pynl_table *, const struct pynl_table *like);

/* ---- events.c: notifications, each sorted to its kind of object ---- */

enum pynl_action { PYNL_NEW, PYNL_DEL, PYNL_CHANGE };

struct pynl_event {
    int64_t time;     /* when it was read, in nanoseconds of CLOCK_REALTIME */
    uint64_t read;    /* the number of the datagram that it came in, from 1; of a mark: how many came before it */
    uint64_t message; /* the address of its message, within its table's memory */
    int32_t row;      /* in its table; -1: it could not be decoded, or it is a mark */
    int32_t nsid;     /* of the namespace that it is from; -1: the socket's own */
    int16_t kind;     /* the number of its watch; -1: a mark: here some were lost */
    uint16_t type;
    uint16_t flags;
    uint16_t action; /* enum pynl_action */
};

struct pynl_watch { /* one kind of object */
    const struct pynl_plan *plan;
    const struct pynl_filter *filters;
    uint32_t filter_count;
    uint32_t family_count; /* 0: any */
    const uint8_t *families;
    uint16_t created; /* the message types */
    uint16_t deleted;
    uint16_t change_mask; /* not 0: nlmsg_flags that tell a change, */
    uint16_t change_flags;
    uint32_t fresh;           /* not 0: where the header has a number that tells a new object, */
    uint32_t fresh_value;     /* by this value */
    struct pynl_table *table; /* empty, or of events that were not taken yet */
};

struct pynl_events {
    struct pynl_watch *watches;
    uint32_t watch_count;
    uint16_t instructions; /* of the socket's BPF program */
    const uint8_t *program;
    struct pynl_event *events; /* who takes them takes the tables too, for empty ones, and sets count to 0 */
    uint64_t count;
    uint64_t capacity;
    uint64_t reads; /* since it began, as all below: datagrams */
    uint64_t bytes;
    uint64_t messages;
    uint64_t skipped;           /* messages of no kind that is watched, and datagrams that were not the kernel's */
    uint64_t overruns;          /* how often some were lost, */
    uint64_t truncated;         /* and how often for another reason than the receive buffer */
    int32_t waits;              /* the socket's SO_RCVTIMEO in ms, once it has been set */
    struct pynl_counts *counts; /* as of a reply */
    uint64_t asked;             /* how often the kernel was asked for a sign, */
    uint64_t answered;          /* and up to which of them everything that came before has been read */
    uint32_t torn;              /* not 0: some were taken and are lost: the next is a mark */
};

/* Receives what there is, up to about `limit` events, and returns how many there are to be taken, at least 1. Where there
   is nothing it waits, if timeout_ms is not 0: -ETIMEDOUT; -EINTR: something came, but no event, or a signal.
   After an overrun the kernel adds nothing to its queue until that is empty. So the rest of the queue is read first, and the
   mark stands exactly where some are missing. */
int64_t pynl_events_receive(struct pynl_events *, const struct pynl_socket *, uint64_t limit, int timeout_ms);
/* Asks for a sign behind everything that has been announced: the kernel acknowledges at once, in the same queue. Returns
   its number: once `answered` is no less, all of that has been received. The sign may fail to come. */
uint64_t pynl_events_ask(struct pynl_events *, const struct pynl_socket *);
/* Makes one that waits return. Safe from any thread. */
int pynl_events_wake(const struct pynl_socket *);
/* Frees the events. */
void pynl_events_free(struct pynl_events *);

/* ---- columns.c: reading columns ---- */

/* The bytes of the messages of these rows. */
uint64_t pynl_table_span(const struct pynl_table *, uint64_t first, uint64_t count);
enum pynl_alike {
    PYNL_NONE = 1,  /* no row has a value */
    PYNL_SAME = 2,  /* all rows have the same value */
    PYNL_BEFORE = 4 /* and so has the row before them */
};

/* One byte a column: how far these rows (at least one) are alike there. */
void pynl_table_alike(const struct pynl_table *, uint64_t first, uint64_t count, uint8_t *out);
/* One byte a row, 0 or 1: whether the row has a value. Returns how many have. */
uint64_t pynl_column_mask(const struct pynl_column *, uint64_t first, uint64_t count, uint8_t *out);

/* Which rows of an address column have the same bytes: each row's code, and the first row (less `first`) of each.
   Returns how many there are; -ENOSPC: more than `most`, which is at most 256. Rows without a value have no bytes. */
int pynl_column_distinct(const struct pynl_column *, uint64_t first, uint64_t count, uint8_t *codes, uint32_t *rows,
                         uint32_t most);

/* ---- index.c: rows by what tells them apart ---- */

struct pynl_term { /* a field that counts */
    uint16_t column;
    uint16_t type;    /* of a nested field: its attribute, whose payload is compared as it is */
    uint32_t lenient; /* not 0: a row that lacks it is like any other */
    uint64_t mask;    /* of a number: the bits that count */
};

struct pynl_keys {
    const struct pynl_plan *plan; /* of all the tables concerned */
    const struct pynl_term *key;  /* what tells one object from another */
    const struct pynl_term *content;
    uint32_t key_terms;
    uint32_t content_terms;
};

struct pynl_index;

struct pynl_index *pynl_index_new(void);
void pynl_index_free(struct pynl_index *);
/* Takes in the table's rows that it does not know yet. Returns how many of them repeat an earlier one, key and content;
   they are marked in `repeated` (one byte for each new row; NULL: nowhere). */
int64_t pynl_index_extend(struct pynl_index *, const struct pynl_keys *, const struct pynl_table *, uint8_t *repeated);
/* For each row of another table: the row of the index's table with the same key and content, the first that is not marked
   in `seen` (one byte for each of its rows), where it is marked then (NULL: nothing is marked); otherwise -2 - the first row with the same key; otherwise -1. Returns how many it marked. */
int64_t pynl_index_match(const struct pynl_index *, const struct pynl_keys *, const struct pynl_table *,
                         const struct pynl_table *other, uint64_t first, uint64_t count, int32_t *rows, uint8_t *seen);
/* The next row of the same key, in their order; behind the last comes the first. */
int64_t pynl_index_next(const struct pynl_index *, uint64_t row);
/* Whether a row of one table was decoded from the same bytes as one of another, but for the message's header. */
int pynl_table_same(const struct pynl_table *, uint64_t row, const struct pynl_table *other, uint64_t other_row);
/* Copies rows of another table of the same plan, but those marked in `without` (one byte for each; NULL: none), to
   the end of a table. Returns how many; pynl_table_finish comes after the last. */
int64_t pynl_table_take(struct pynl_table *, const struct pynl_plan *, const struct pynl_table *other,
                        const uint8_t *without, uint64_t first, uint64_t count);

/* ---- tape.c: nested attributes as a flat list ---- */

struct pynl_entry {
    uint32_t row;    /* the row, less the first asked for */
    uint32_t offset; /* of the payload, from the start of the row's message */
    uint32_t length; /* of the payload */
    uint16_t type;   /* without the NLA_F_* bits; of a PYNL_HOPS element: its index */
    int16_t field;   /* its field, or -1: not declared, or malformed below */
    uint16_t depth;  /* 0: an attribute of the message */
    uint16_t flags;  /* the NLA_F_* bits */
};

/* Lists the attributes of the rows: those of one top-level type with all below them, or (type -1) all.
   -ENOSPC: `room` entries do not do; one for each four bytes of the messages always does. */
int64_t pynl_table_tape(const struct pynl_table *, const struct pynl_plan *, int32_t type, uint64_t first,
                        uint64_t count, struct pynl_entry *out, uint64_t room);
/* The same for one payload of a level, from any source. */
int64_t pynl_tape(const struct pynl_plan *, uint32_t level, const uint8_t *data, uint64_t size, struct pynl_entry *out,
                  uint64_t room);

/* ---- text.c: addresses as text, in bulk ---- */

enum pynl_style {
    PYNL_IP, /* 4 bytes: dotted quad; 16: RFC 5952, as inet_ntop; others: 0x and hexadecimal digits */
    PYNL_HEX /* pairs of hexadecimal digits with colons */
};

/* Writes one line a row ('\n' after each): the address, with "/length" where `prefix` is given and the row has
   one; an empty line where there is no value. Returns the bytes written; -ENOSPC where room is short:
   PYNL_TEXT_LINE bytes a row always do. */
int64_t pynl_text_addresses(const struct pynl_column *, const struct pynl_column *prefix, uint64_t first,
                            uint64_t count, int style, char *out, uint64_t room);
enum { PYNL_TEXT_LINE = 104 };
/* The same as Arrow has text: count + 1 offsets, and no '\n'. -ENOSPC where less than a line of room is left. */
int64_t pynl_text_column(const struct pynl_column *, const struct pynl_column *prefix, uint64_t first, uint64_t count,
                         int style, int32_t *offsets, char *out, uint64_t room);
/* Every step-th row (a negative step: backwards) in 16 bytes, zeroed by the caller: IPv6 addresses, and IPv4 ones mapped
   into them (RFC 4291, section 2.5.5.2); rows that have neither are left out of the validity bitmap, zeroed as well. */
void pynl_text_mapped(const struct pynl_column *, uint64_t first, int64_t step, uint64_t count, uint8_t *out,
                      uint8_t *valid);

/* Reads lines ('\n' after each) as addresses into a column of `count` rows, all of whose memory the caller gives
   (width 16 for PYNL_IP, 32 for PYNL_HEX; valid and values zeroed); an empty line is no value. prefix: the numbers
   behind a slash, or the address's length where there is none. Returns count; otherwise -(the row that is no such
   address) - 1. */
int64_t pynl_text_parse(const char *lines, uint64_t size, int style, uint64_t count, struct pynl_column *,
                        struct pynl_column *prefix);

/* ---- bulk.c: many requests in few sends ---- */

enum pynl_part_kind {
    PYNL_MEMBER, /* a member of the fixed header: `size` bytes at `type` */
    PYNL_FIXED,  /* an attribute: the column's value */
    PYNL_BYTES,  /* an attribute: the used bytes of an address */
    PYNL_STRING, /* an attribute: text and a NUL */
    PYNL_WHOLE   /* attributes as they are to be sent, padded, in a text column */
};

struct pynl_part {
    const struct pynl_column *column;
    uint16_t kind;     /* enum pynl_part_kind */
    uint16_t constant; /* not 0: the column's first row stands for all */
    uint16_t type;
    uint16_t size;
    int64_t overflow; /* what a member holds of a value that it is too narrow for; -1: the low bits */
};

struct pynl_request {
    uint16_t type;
    uint16_t flags;
    uint32_t header_size;
    const uint8_t *header; /* where no member says otherwise */
};

/* Writes the requests of the rows from `first`, up to `rows`, as many as there is room for; the last asks for an
   ACK. Returns how many, and their bytes in *size; -EMSGSIZE where there is no room for one. */
int64_t pynl_bulk_encode(const struct pynl_request *, const struct pynl_part *, uint32_t parts, uint64_t first,
                         uint64_t rows, uint32_t sequence, uint8_t *out, uint64_t room, uint64_t *size);

struct pynl_answers { /* NLMSG_ERROR messages of requests that were refused, each padded */
    uint8_t *data;
    uint64_t size;
    uint64_t capacity;
    uint64_t count;
    uint64_t messages; /* all that came, with what was carried out */
    uint64_t bytes;
};

/* Receives until the last of `count` requests is answered (1), or -errno: -EINTR and -ENOBUFS, after which it may be
   called again, among them. */
int pynl_answers_receive(struct pynl_answers *, const struct pynl_socket *, uint32_t first, uint32_t count,
                         int timeout_ms);
void pynl_answers_free(struct pynl_answers *);

/* ---- lpm.c: the longest prefix that matches ---- */

/* Rows by prefix, of IPv4 and IPv6. A row is a number below 2^30, for which 8 bytes up to it are taken. */
struct pynl_lpm;

struct pynl_lpm *pynl_lpm_new(void);
void pynl_lpm_free(struct pynl_lpm *);
/* The rows that are there. */
uint32_t pynl_lpm_count(const struct pynl_lpm *);

enum pynl_lpm_flag {
    PYNL_LPM_NONE = 1, /* where it is found, -1 is: a route that says that there is none */
    PYNL_LPM_FIRST = 2 /* before those of the same prefix and rank, not behind them */
};

/* Of the rows of one prefix that of the lowest rank is found, and of those the first. width: 4 or 16, the address's
   bytes; those behind its first `length` bits do not count. -EEXIST: the row is there, under whatever prefix. */
int pynl_lpm_insert(struct pynl_lpm *, const uint8_t *address, uint32_t width, uint32_t length, uint32_t rank,
                    uint32_t row, uint32_t flags);
/* -ENOENT: the row is not there under this prefix. */
int pynl_lpm_remove(struct pynl_lpm *, const uint8_t *address, uint32_t width, uint32_t length, uint32_t row);

enum { PYNL_LPM_TESTS = 3 };

struct pynl_lpm_source {               /* columns of one table; a value that is not there counts as 0 */
    const struct pynl_column *address; /* an address; not there: a prefix of no bits */
    const struct pynl_column *length;
    const struct pynl_column *family; /* AF_INET, AF_INET6; rows of others are left out */
    const struct pynl_column *rank;
    const struct pynl_column *none; /* as PYNL_LPM_NONE where it has this value */
    uint64_t none_value;
    const struct pynl_column *test[3]; /* rows are left out where one has another value; NULL: none tests */
    uint64_t value[3];
};

/* Inserts every step-th row (a negative step: backwards) as 0, 1 ... The rows have to be there. Returns how many it
   inserted; rows that have no prefix, or one longer than its address, are left out. */
int64_t pynl_lpm_load(struct pynl_lpm *, const struct pynl_lpm_source *, uint64_t first, int64_t step, uint64_t count);
/* The row of each address's longest prefix; -1: none. Addresses of `width` bytes, one after another; lengths: the bytes
   used of each, 4 or 16 (others are no addresses, and have none); NULL: all, and width is 4 or 16. */
int pynl_lpm_find(const struct pynl_lpm *, const uint8_t *addresses, const uint8_t *lengths, uint32_t width,
                  uint64_t count, int32_t *out);

/* ---- arrow.c: tables for others, by the Arrow C data interface, whose structures these are ---- */

struct ArrowSchema {
    const char *format;
    const char *name;
    const char *metadata;
    int64_t flags;
    int64_t n_children;
    struct ArrowSchema **children;
    struct ArrowSchema *dictionary;
    void (*release)(struct ArrowSchema *);
    void *private_data;
};

struct ArrowArray {
    int64_t length;
    int64_t null_count;
    int64_t offset;
    int64_t n_buffers;
    int64_t n_children;
    const void **buffers;
    struct ArrowArray **children;
    struct ArrowArray *dictionary;
    void (*release)(struct ArrowArray *);
    void *private_data;
};

struct ArrowArrayStream {
    int (*get_schema)(struct ArrowArrayStream *, struct ArrowSchema *out);
    int (*get_next)(struct ArrowArrayStream *, struct ArrowArray *out);
    const char *(*get_last_error)(struct ArrowArrayStream *);
    void (*release)(struct ArrowArrayStream *);
    void *private_data;
};

/* What arrays share: the table that they are views of, and buffers of their own. It lives until the last of them is
   released, in whatever thread that is. */
struct pynl_export;

struct pynl_export *pynl_export_new(struct pynl_table *);
void pynl_export_free(struct pynl_export *);
/* Zeroed, and freed with the export; NULL where there is no memory. */
void *pynl_export_buffer(struct pynl_export *, uint64_t size);

/* Fills `out`, with `children` empty children for the caller to fill. What they point to is copied but the buffers. */
int pynl_arrow_schema(struct ArrowSchema *out, const char *format, const char *name, const char *metadata,
                      uint64_t metadata_size, int64_t flags, uint32_t children);
int pynl_arrow_array(struct ArrowArray *out, struct pynl_export *, int64_t length, int64_t nulls, int64_t offset,
                     const void **buffers, uint32_t buffer_count, uint32_t children);
/* A stream of one array, with room for both, which the caller fills. NULL where there is no memory. */
struct ArrowArrayStream *pynl_arrow_stream_new(struct ArrowSchema **, struct ArrowArray **);
struct ArrowSchema *pynl_arrow_schema_new(void);
/* Release what nobody took, and free the structure. */
void pynl_arrow_stream_free(struct ArrowArrayStream *);
void pynl_arrow_schema_free(struct ArrowSchema *);

/* ---- capsule.c: the destructors of Python's capsules, and their names, which they point to ---- */

extern const char pynl_capsule_schema[];
extern const char pynl_capsule_stream[];
void pynl_capsule_free_schema(void *capsule);
void pynl_capsule_free_stream(void *capsule);
