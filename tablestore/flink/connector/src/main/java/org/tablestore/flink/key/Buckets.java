package org.tablestore.flink.key;

/** Which bucket holds a key (spec §3.4): each bucket is one range of hashes. */
public final class Buckets {
    /** Most buckets of a table (spec §3.4). */
    public static final int MAX = 65_536;

    private Buckets() {}

    /** {@code (hash × buckets) >> 64} with an unsigned hash; exact because buckets ≤ 65,536. */
    public static int of(long hash, int buckets) {
        long low = (hash & 0xFFFFFFFFL) * buckets;
        return (int) (((hash >>> 32) * buckets + (low >>> 32)) >>> 32);
    }
}
