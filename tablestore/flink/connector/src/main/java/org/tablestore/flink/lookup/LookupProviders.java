package org.tablestore.flink.lookup;

import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.apache.flink.configuration.ReadableConfig;
import org.apache.flink.table.api.ValidationException;
import org.apache.flink.table.connector.source.LookupTableSource.LookupContext;
import org.apache.flink.table.connector.source.LookupTableSource.LookupRuntimeProvider;
import org.apache.flink.table.connector.source.lookup.AsyncLookupFunctionProvider;
import org.apache.flink.table.connector.source.lookup.LookupFunctionProvider;
import org.apache.flink.table.connector.source.lookup.LookupOptions;
import org.apache.flink.table.connector.source.lookup.LookupOptions.LookupCacheType;
import org.apache.flink.table.connector.source.lookup.PartialCachingAsyncLookupProvider;
import org.apache.flink.table.connector.source.lookup.PartialCachingLookupProvider;
import org.apache.flink.table.connector.source.lookup.cache.DefaultLookupCache;
import org.apache.flink.table.connector.source.lookup.cache.LookupCache;
import org.apache.flink.table.expressions.CallExpression;
import org.apache.flink.table.expressions.FieldReferenceExpression;
import org.apache.flink.table.expressions.ResolvedExpression;
import org.apache.flink.table.expressions.ValueLiteralExpression;
import org.apache.flink.table.functions.AsyncLookupFunction;
import org.apache.flink.table.functions.BuiltInFunctionDefinitions;
import org.apache.flink.table.functions.LookupFunction;
import org.apache.flink.table.types.logical.RowType;
import org.tablestore.flink.TableDescription;
import org.tablestore.flink.TableStoreOptions;

/** Says how lookup joins with a table run: at once or one by one, with Flink's cache or without. */
public final class LookupProviders {
    private LookupProviders() {}

    /**
     * How a lookup join runs.
     *
     * @param rowType the columns of the table that the query uses; the join's keys are numbered by them
     * @param filter what rows must fulfil besides, which Flink does not look at again; null: nothing
     * @param fixed columns for which the filter leaves one value, as {@link #fixed} finds them
     * @throws ValidationException if the join does not compare the whole primary key
     */
    public static LookupRuntimeProvider of(
            TableDescription table,
            RowType rowType,
            String filter,
            Set<String> fixed,
            ReadableConfig options,
            LookupContext context) {
        LookupDescription lookup = new LookupDescription(
                table,
                keys(table, rowType, fixed, context.getKeys()),
                rowType,
                filter,
                options.get(TableStoreOptions.LOOKUP_REFRESH_INTERVAL).toMillis(),
                Math.max(0, options.get(LookupOptions.MAX_RETRIES)));
        boolean together = options.get(TableStoreOptions.LOOKUP_ASYNC);
        if (options.get(LookupOptions.CACHE_TYPE) == LookupCacheType.NONE) {
            return together ? new Together(lookup) : new OneByOne(lookup);
        }
        if (options.get(LookupOptions.CACHE_TYPE) == LookupCacheType.FULL) {
            throw new ValidationException("Table '" + table.name()
                    + "': 'lookup.cache' = 'FULL' is not possible; it would"
                    + " hide new snapshots. Leave it out: the workers keep what they look up in memory (option"
                    + " 'lookup-memory'). Or choose 'PARTIAL'.");
        }
        LookupCache cache = DefaultLookupCache.fromConfig(options);
        return together ? new TogetherCached(lookup, cache) : new OneByOneCached(lookup, cache);
    }

    /** Columns that these conditions, all of which hold, compare with a constant by '='. */
    public static Set<String> fixed(List<ResolvedExpression> conditions) {
        Set<String> names = new LinkedHashSet<>();
        for (ResolvedExpression condition : conditions) {
            if (condition instanceof CallExpression call
                    && call.getFunctionDefinition() == BuiltInFunctionDefinitions.EQUALS) {
                List<ResolvedExpression> sides = call.getResolvedChildren();
                name(sides.get(0), sides.get(1)).ifPresent(names::add);
                name(sides.get(1), sides.get(0)).ifPresent(names::add);
            }
        }
        return names;
    }

    private static Optional<String> name(ResolvedExpression column, ResolvedExpression constant) {
        boolean fixes = column instanceof FieldReferenceExpression && constant instanceof ValueLiteralExpression;
        return fixes ? Optional.of(((FieldReferenceExpression) column).getName()) : Optional.empty();
    }

    private static List<String> keys(TableDescription table, RowType rowType, Set<String> fixed, int[][] keys) {
        Set<String> names = new LinkedHashSet<>();
        for (int[] key : keys) {
            if (key.length != 1) {
                throw new ValidationException("Table '" + table.name()
                        + "': a lookup join compares columns, and not fields of the column '"
                        + rowType.getFieldNames().get(key[0]) + "'.");
            }
            names.add(rowType.getFieldNames().get(key[0]));
        }
        if (!table.primaryKey().stream().allMatch(column -> names.contains(column) || fixed.contains(column))) {
            throw new ValidationException("Table '" + table.name()
                    + "': a lookup join must compare all columns of the primary"
                    + " key (" + String.join(", ", table.primaryKey()) + ") with '='; this one compares "
                    + String.join(", ", names) + ". Add the others to its ON condition, or use a regular join.");
        }
        if (names.size() != keys.length) {
            throw new ValidationException("Table '" + table.name() + "': a column is compared twice by a lookup join: "
                    + Arrays.deepToString(keys));
        }
        return List.copyOf(names);
    }

    /** One key after another. */
    private record OneByOne(LookupDescription lookup) implements LookupFunctionProvider {
        @Override
        public LookupFunction createLookupFunction() {
            return new TableStoreLookupFunction(lookup, false);
        }
    }

    /** Many keys at once; one after another where Flink needs it so. */
    private record Together(LookupDescription lookup)
            implements AsyncLookupFunctionProvider, LookupFunctionProvider {
        @Override
        public AsyncLookupFunction createAsyncLookupFunction() {
            return new TableStoreAsyncLookupFunction(lookup, false);
        }

        @Override
        public LookupFunction createLookupFunction() {
            return new TableStoreLookupFunction(lookup, false);
        }
    }

    private record OneByOneCached(LookupDescription lookup, LookupCache cache) implements PartialCachingLookupProvider {
        @Override
        public LookupFunction createLookupFunction() {
            return new TableStoreLookupFunction(lookup, true);
        }

        @Override
        public LookupCache getCache() {
            return cache;
        }
    }

    private record TogetherCached(LookupDescription lookup, LookupCache cache)
            implements PartialCachingAsyncLookupProvider, PartialCachingLookupProvider {
        @Override
        public AsyncLookupFunction createAsyncLookupFunction() {
            return new TableStoreAsyncLookupFunction(lookup, true);
        }

        @Override
        public LookupFunction createLookupFunction() {
            return new TableStoreLookupFunction(lookup, true);
        }

        @Override
        public LookupCache getCache() {
            return cache;
        }
    }
}
