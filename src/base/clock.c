#include "clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static int64_t microseconds(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t clock_monotonic_us(void)
{
    return microseconds(CLOCK_MONOTONIC);
}

int64_t clock_wall_ms(void)
{
    return microseconds(CLOCK_REALTIME) / 1000;
}

void clock_date(int64_t wall_ms, char out[11])
{
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm local;
    localtime_r(&seconds, &local);
    strftime(out, 11, "%Y-%m-%d", &local);
}

void clock_utc(int64_t wall_ms, char out[CLOCK_UTC_SIZE])
{
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm utc;
    gmtime_r(&seconds, &utc);
    size_t length = strftime(out, CLOCK_UTC_SIZE, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(out + length, CLOCK_UTC_SIZE - length, ".%03dZ", (int)(wall_ms % 1000));
}

/* `digits` digits, at most `most`; moves on behind them. */
static bool take_number(const char **at, int digits, int most, int *out)
{
    int value = 0;
    for (int i = 0; i < digits; i++) {
        char c = (*at)[i];
        if (c < '0' || c > '9') {
            return false;
        }
        value = value * 10 + (c - '0');
    }
    *at += digits;
    *out = value;
    return value <= most;
}

static bool take_sign(const char **at, const char *signs)
{
    bool there = **at != '\0' && strchr(signs, **at) != NULL;
    *at += there;
    return there;
}

/* "Z", "+hh:mm", "-hhmm", or nothing. */
static bool take_zone(const char **at, int *minutes)
{
    int hours, more;
    bool behind = **at == '-';
    *minutes = 0;
    if (take_sign(at, "Zz") || !take_sign(at, "+-")) {
        return **at == '\0';
    }
    if (!take_number(at, 2, 23, &hours)) {
        return false;
    }
    take_sign(at, ":");
    if (!take_number(at, 2, 59, &more)) {
        return false;
    }
    *minutes = (hours * 60 + more) * (behind ? -1 : 1);
    return **at == '\0';
}

static bool take_time_of_day(const char **at, struct tm *utc, int *milliseconds)
{
    if (!take_number(at, 2, 23, &utc->tm_hour) || !take_sign(at, ":") ||
        !take_number(at, 2, 59, &utc->tm_min)) {
        return false;
    }
    if (take_sign(at, ":") && !take_number(at, 2, 60, &utc->tm_sec)) {
        return false;
    }
    int digit, scale = 100;
    if (take_sign(at, ".,")) {
        for (; take_number(at, 1, 9, &digit); scale /= 10) {
            *milliseconds += digit * scale;
        }
    }
    return true;
}

bool clock_parse(const char *text, int64_t *wall_ms)
{
    struct tm utc = {0};
    int zone = 0, milliseconds = 0;
    const char *at = text;
    if (!take_number(&at, 4, 9999, &utc.tm_year) || utc.tm_year < 1970 || !take_sign(&at, "-") ||
        !take_number(&at, 2, 12, &utc.tm_mon) || utc.tm_mon == 0 || !take_sign(&at, "-") ||
        !take_number(&at, 2, 31, &utc.tm_mday) || utc.tm_mday == 0) {
        return false;
    }
    if (take_sign(&at, "Tt ") && !take_time_of_day(&at, &utc, &milliseconds)) {
        return false;
    }
    if (!take_zone(&at, &zone)) {
        return false;
    }
    utc.tm_year -= 1900;
    utc.tm_mon -= 1;
    int64_t value = ((int64_t)timegm(&utc) - (int64_t)zone * 60) * 1000 + milliseconds;
    if (value < 0) {
        return false;
    }
    *wall_ms = value;
    return true;
}
