package org.tablestore.flink.bridge;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;

/** Two ends of one Unix socket. */
record SocketPair(SocketChannel ours, SocketChannel theirs) implements AutoCloseable {
    SocketPair() throws IOException {
        this(connect());
    }

    private SocketPair(SocketChannel[] ends) {
        this(ends[0], ends[1]);
    }

    private static SocketChannel[] connect() throws IOException {
        Path folder = Files.createTempDirectory("ts-test-");
        UnixDomainSocketAddress address = UnixDomainSocketAddress.of(folder.resolve("s"));
        try (ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            server.bind(address);
            SocketChannel client = SocketChannel.open(address);
            return new SocketChannel[] {server.accept(), client};
        } finally {
            Files.deleteIfExists(address.getPath());
            Files.delete(folder);
        }
    }

    @Override
    public void close() throws IOException {
        ours.close();
        theirs.close();
    }
}
