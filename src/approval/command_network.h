/* command_network: which hosts a shell command names, so that its question can offer the network.
 *
 * Commands have no network. A user who reads one that names https://example.org may want it to have
 * just that; this finds what to offer: host and port of each http:// and https:// in the text. It
 * decides nothing and need not understand the command: what is opened is the list that the user was
 * shown and nothing else, whatever the command then does. Left out are names that cannot be told
 * from the text (a variable, a user before an @), an address in another spelling than four decimal
 * numbers (0x7f.1 opens nothing, and hides what it means), and link-local addresses: one of them
 * hands a cloud's credentials to whoever asks, which one key is too little for. Pure.
 */
#ifndef CARAT_APPROVAL_COMMAND_NETWORK_H
#define CARAT_APPROVAL_COMMAND_NETWORK_H

#include <stddef.h>

struct str;

enum { COMMAND_NETWORK_MAX = 8 };

/* Appends "host:port" once each, in the text's order and lower case, a blank between them; how
 * many. 0, and nothing appended, with more than COMMAND_NETWORK_MAX of them, and for a job (a
 * command that ends in '&'), which would keep the network when nobody looks any more. */
size_t command_network_hosts(const char *command, struct str *out);

/* Appends such a list as a person should see it: an address of this machine or of a private network
 * is called that. */
void command_network_describe(const char *hosts, struct str *out);

#endif
