package org.tablestore.flink;

import java.time.Duration;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.ConfigOptions;
import org.apache.flink.table.connector.source.lookup.LookupOptions;
import org.apache.flink.table.factories.FactoryUtil;

/** The options of a table with {@code 'connector' = 'tablestore'}. */
public final class TableStoreOptions {
    public static final ConfigOption<String> TABLE_PATH =
            ConfigOptions.key("table-path").stringType().noDefaultValue()
            .withDescription("Folder of the table; it is created at first use. All hosts must see the same"
                    + " folder.");
    public static final ConfigOption<String> PRIMARY_KEYS =
            ConfigOptions.key("primary-keys").stringType().noDefaultValue()
            .withDescription("Columns of the primary key, separated by commas. The same as PRIMARY KEY (…)"
                    + " NOT ENFORCED;"
                    + " if both are given they must agree.");
    public static final ConfigOption<String> PARTITION_KEYS = ConfigOptions.key("partition-keys").stringType()
            .noDefaultValue()
            .withDescription("Columns that partition the table, separated by commas. The same as"
                    + " PARTITIONED BY (…); if both"
                    + " are given they must agree. They need not be part of the primary key.");
    public static final ConfigOption<Integer> NUM_BUCKETS =
            ConfigOptions.key("num-buckets").intType().defaultValue(4)
            .withDescription("Number of buckets, 1 to 65536: how far writers and readers can be parallel."
                    + " Fixed when the"
                    + " table is created.");
    public static final ConfigOption<String> PYTHON_EXECUTABLE =
            ConfigOptions.key("python.executable").stringType()
            .defaultValue("python3")
            .withDescription("The Python, version 3.11 or later, that has the package tablestore-lsm; on"
                    + " every host of the"
                    + " cluster.");

    public static final ConfigOption<StartMode> SCAN_STARTUP_MODE = ConfigOptions.key("scan.startup.mode")
            .enumType(StartMode.class).defaultValue(StartMode.LATEST_FULL)
            .withDescription("Where reading starts: latest-full (the state of the newest snapshot, then all"
                    + " changes), latest"
                    + " (changes after the newest snapshot), earliest (the state of the oldest snapshot"
                    + " that is kept, then all"
                    + " changes), from-snapshot, from-timestamp, consumer-id.");
    public static final ConfigOption<Long> SCAN_STARTUP_SNAPSHOT =
            ConfigOptions.key("scan.startup.snapshot").longType()
            .noDefaultValue()
            .withDescription("With scan.startup.mode = from-snapshot: the snapshot after which changes are"
                    + " read.");
    public static final ConfigOption<String> SCAN_STARTUP_TIMESTAMP =
            ConfigOptions.key("scan.startup.timestamp")
            .stringType().noDefaultValue()
            .withDescription("With scan.startup.mode = from-timestamp: the time after which changes are"
                    + " read, as"
                    + " milliseconds since 1970 or as ISO text such as 2030-01-31T12:00:00Z.");
    public static final ConfigOption<String> CONSUMER_ID =
            ConfigOptions.key("consumer-id").stringType().noDefaultValue()
            .withDescription("Name under which the table keeps how far this reader is: snapshots that it"
                    + " needs stay, and a new"
                    + " job with scan.startup.mode = consumer-id goes on from there.");
    public static final ConfigOption<Duration> CONSUMER_EXPIRATION_TIME =
            ConfigOptions.key("consumer.expiration-time")
            .durationType().noDefaultValue()
            .withDescription("How long the consumer keeps its snapshots after it was last heard of; without"
                    + " it, for ever.");
    public static final ConfigOption<Boolean> SCAN_BOUNDED = ConfigOptions.key("scan.bounded").booleanType()
            .defaultValue(false)
            .withDescription("Whether reading ends at the snapshot that is the newest when the job starts.");
    public static final ConfigOption<ScanChangelogMode> SCAN_CHANGELOG_MODE =
            ConfigOptions.key("scan.changelog-mode")
            .enumType(ScanChangelogMode.class).defaultValue(ScanChangelogMode.FULL)
            .withDescription("full: every change with the row before and after it (+I, -U, +U, -D); upsert:"
                    + " without the rows"
                    + " before updates.");
    public static final ConfigOption<Duration> SCAN_POLL_INTERVAL =
            ConfigOptions.key("scan.poll-interval").durationType()
            .defaultValue(Duration.ofMillis(200))
            .withDescription("How often a reader looks for a new snapshot.");
    public static final ConfigOption<Integer> SCAN_PARALLELISM = FactoryUtil.SOURCE_PARALLELISM
            .withDescription("Parallelism of reading; without it that of the job. More than num-buckets is"
                    + " of no use.");
    public static final ConfigOption<Integer> SINK_PARALLELISM = FactoryUtil.SINK_PARALLELISM
            .withDescription("Parallelism of writing; without it that of the input, at most num-buckets.");
    public static final ConfigOption<OlderSavepoint> SINK_OLDER_SAVEPOINT =
            ConfigOptions.key("sink.older-savepoint")
            .enumType(OlderSavepoint.class).defaultValue(OlderSavepoint.FAIL)
            .withDescription("What to do when a job is restored from a savepoint older than what it has"
                    + " committed: fail, or"
                    + " go on under a new identity, so that what is replayed is written again"
                    + " (new-identity).");

    public static final ConfigOption<Boolean> LOOKUP_ASYNC = ConfigOptions.key("lookup.async").booleanType()
            .defaultValue(true)
            .withDescription("Whether lookup joins ask for many keys at once without waiting for each.");
    public static final ConfigOption<Duration> LOOKUP_REFRESH_INTERVAL =
            ConfigOptions.key("lookup.refresh-interval")
            .durationType().defaultValue(Duration.ZERO)
            .withDescription("How old the snapshot of a lookup may be; 0 looks for a newer one before every"
                    + " batch of keys.");

    /** Where reading starts. */
    public enum StartMode {
        LATEST_FULL("latest-full"),
        LATEST("latest"),
        EARLIEST("earliest"),
        FROM_SNAPSHOT("from-snapshot"),
        FROM_TIMESTAMP("from-timestamp"),
        CONSUMER_ID("consumer-id");

        private final String text;

        StartMode(String text) {
            this.text = text;
        }

        @Override
        public String toString() {
            return text;
        }
    }

    /** Which rows of a change are handed on. */
    public enum ScanChangelogMode {
        FULL("full"),
        UPSERT("upsert");

        private final String text;

        ScanChangelogMode(String text) {
            this.text = text;
        }

        @Override
        public String toString() {
            return text;
        }
    }

    /** What to do with a savepoint older than the table. */
    public enum OlderSavepoint {
        FAIL("fail"),
        NEW_IDENTITY("new-identity");

        private final String text;

        OlderSavepoint(String text) {
            this.text = text;
        }

        @Override
        public String toString() {
            return text;
        }
    }

    /**
     * Options of the table itself (spec §8.4), and of its writers and scans: handed to Python as they are, which checks
     * their values.
     */
    public static final List<ConfigOption<String>> TABLE_OPTIONS = List.of(
            table("sequence.field", "Columns, separated by commas, whose greatest values win among rows of"
                    + " a key; without it"
                    + " the last one written wins."),
            table("merge-engine", "How rows of a key become one: deduplicate."),
            table("compaction", "auto: a process beside the committer compacts; manual: only when asked"
                    + " for."),
            table("compaction.trigger", "Sorted runs of a bucket that start a compaction."),
            table("compaction.stop", "Sorted runs of a bucket at which writers wait for compaction."),
            table("compaction.size-ratio-percent", "How much larger the next run may be to be compacted"
                    + " along."),
            table("compaction.max-space-amplification-percent", "Share of obsolete data that starts a full"
                    + " compaction."),
            table("target-file-bytes", "Size at which a compaction starts a new file."),
            table("block-rows", "Rows of a block."),
            table("block-bytes", "Bytes of a block."),
            table("compression", "zstd or none."),
            table("compression-level", "Level of zstd, 1 to 19."),
            table("filter-bits-per-key", "Bits of the bloom filter per key in upper levels."),
            table("filter-bits-per-key.last-level", "Bits of the bloom filter per key in the last level."),
            table("durability", "full, or none: leaves out every fsync."),
            table("stall-timeout", "How long a writer waits for another process to compact, such as '60 s'."),
            table("ttl-column", "Column that says when a row was, with ttl."),
            table("ttl", "How long rows live, such as '7 d'."),
            table("writer-memory", "Memory in which each subtask of a sink collects rows, such as '256 mb'."),
            table("scan-memory", "Memory in which each subtask of a source decodes and merges rows, such as '256 mb'"
                    + " (the default)."),
            table("lookup-memory", "Memory in which each subtask of a lookup join keeps the decoded columns"
                    + " that it looks up, such"
                    + " as '512 mb'. Tables that need more are looked up block by block."));

    /** Flink's own options of lookup joins that the connector obeys. */
    static final List<ConfigOption<?>> LOOKUP_OPTIONS = List.of(
            LookupOptions.CACHE_TYPE,
            LookupOptions.MAX_RETRIES,
            LookupOptions.PARTIAL_CACHE_MAX_ROWS,
            LookupOptions.PARTIAL_CACHE_EXPIRE_AFTER_ACCESS,
            LookupOptions.PARTIAL_CACHE_EXPIRE_AFTER_WRITE,
            LookupOptions.PARTIAL_CACHE_CACHE_MISSING_KEY);

    /** Flink's own options of watermarks in the table's definition. */
    static final List<ConfigOption<?>> WATERMARK_OPTIONS = List.of(
            FactoryUtil.WATERMARK_EMIT_STRATEGY,
            FactoryUtil.WATERMARK_ALIGNMENT_GROUP,
            FactoryUtil.WATERMARK_ALIGNMENT_MAX_DRIFT,
            FactoryUtil.WATERMARK_ALIGNMENT_UPDATE_INTERVAL,
            FactoryUtil.SOURCE_IDLE_TIMEOUT);

    /** The connector's options in the order in which they are documented, without those of Flink. */
    static final List<ConfigOption<?>> CONNECTOR_OPTIONS = List.of(
            TABLE_PATH,
            PRIMARY_KEYS,
            PARTITION_KEYS,
            NUM_BUCKETS,
            PYTHON_EXECUTABLE,
            SCAN_STARTUP_MODE,
            SCAN_STARTUP_SNAPSHOT,
            SCAN_STARTUP_TIMESTAMP,
            CONSUMER_ID,
            CONSUMER_EXPIRATION_TIME,
            SCAN_BOUNDED,
            SCAN_CHANGELOG_MODE,
            SCAN_POLL_INTERVAL,
            SCAN_PARALLELISM,
            SINK_PARALLELISM,
            SINK_OLDER_SAVEPOINT,
            LOOKUP_ASYNC,
            LOOKUP_REFRESH_INTERVAL);

    private TableStoreOptions() {}

    /** All options that may be given, but for the required ones. */
    static Set<ConfigOption<?>> optional() {
        Set<ConfigOption<?>> all = new LinkedHashSet<>(CONNECTOR_OPTIONS);
        all.addAll(TABLE_OPTIONS);
        all.addAll(LOOKUP_OPTIONS);
        all.addAll(WATERMARK_OPTIONS);
        all.remove(TABLE_PATH);
        return all;
    }

    private static ConfigOption<String> table(String name, String description) {
        return ConfigOptions.key(name).stringType().noDefaultValue().withDescription(description);
    }
}
