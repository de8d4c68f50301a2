import Blocks
import Cold
import Model
import TestSupport
import Testing

/// Fixtures/format-v1/cold.stub, cold-store and manifest-cold.bin open for ever, and the same
/// content still makes the same bytes.
@Suite struct ColdFormatTests {
  static let stubFixture = "format-v1/cold.stub"
  static let storeFixture = "format-v1/cold-store"
  static let sharedFixture = "format-v1/cold-store-shared"
  static let ownedFixture = "format-v1/cold-store-owned"
  static let manifestFixture = "format-v1/manifest-cold.bin"
  static let removalsFixture = "format-v1/cold-removals"
  static let removals = [
    "03/000000000000a1b0-000000000000f00d-00000000-2-6fd0e1c29b3a4d58.block",
    "07/0000000000000000-0000000000000010-00000001-2-0001-0102030405060708.block",
  ]

  /// Of the block that the block fixture holds, in pages of 256 bytes.
  static func stub() throws -> (stub: ColdStub, bytes: [UInt8]) {
    let block = try Fixtures.bytes(BlockFormatTests.fixture)
    var sums = PageSums(pageByteCount: 256)
    sums.update(block)
    let tailOffset = block.count - 200
    let stub = sums.stub(tailOffset: tailOffset)
    return (stub, stub.encoded(start: Array(block[..<64]), tail: Array(block[tailOffset...])))
  }

  static func stub(of bytes: [UInt8]) throws -> ColdStub { try ColdStub(bytes.span) }
  static func manifest(of bytes: [UInt8]) throws -> Manifest { try Manifest(bytes.span) }

  static var manifest: Manifest {
    var manifest = ManifestFormatTests.manifest
    manifest.blocks[0].cold = ColdReference(digest: 0x0102_0304_0506_0708)
    return manifest
  }

  @Test func writersStillWriteTheFixtures() throws {
    #expect(try Fixtures.matches(Self.stubFixture, Self.stub().bytes))
    #expect(try Fixtures.matches(Self.storeFixture, ColdLocation("s3://bucket/varve").encoded))
    let shared = ColdLocation("s3://bucket/varve", isShared: true)
    #expect(try Fixtures.matches(Self.sharedFixture, shared.encoded))
    let owned = ColdLocation("s3://bucket/varve", owner: 0x0102_0304_0506_0708)
    #expect(try Fixtures.matches(Self.ownedFixture, owned.encoded))
    #expect(try Fixtures.matches(Self.manifestFixture, Self.manifest.encoded()))
    #expect(try Fixtures.matches(Self.removalsFixture, ColdRemovals.encoded(Self.removals)))
  }

  @Test func fixturesStillHoldTheirContent() throws {
    let stub = try Self.stub(of: try Fixtures.bytes(Self.stubFixture))
    #expect(stub == (try Self.stub().stub))
    let store = ColdLocation("s3://bucket/varve")
    #expect(ColdLocation.decode(try Fixtures.bytes(Self.storeFixture)) == store)
    let shared = ColdLocation("s3://bucket/varve", isShared: true)
    #expect(ColdLocation.decode(try Fixtures.bytes(Self.sharedFixture)) == shared)
    let owned = ColdLocation("s3://bucket/varve", owner: 0x0102_0304_0506_0708)
    #expect(ColdLocation.decode(try Fixtures.bytes(Self.ownedFixture)) == owned)
    let removals = ColdRemovals.decode(try Fixtures.bytes(Self.removalsFixture))
    #expect(removals == Self.removals)
    #expect(Self.removals.allSatisfy { ColdObjectName(key: $0) != nil })
    let manifest = try Self.manifest(of: try Fixtures.bytes(Self.manifestFixture))
    #expect(manifest == Self.manifest)
    #expect(manifest.blocks[0].objectKey?.hasPrefix("03/") == true)
    #expect(manifest.blocks[0].objectKey?.hasSuffix("-0102030405060708.block") == true)
  }

  @Test func everyFlippedBitIsFound() throws {
    let stub = try Fixtures.bytes(Self.stubFixture)
    for bit in 0..<8 * stub.count {
      #expect(throws: BlockError.self) { _ = try Self.stub(of: stub.flipping(bit: bit)) }
    }
    for count in 0..<stub.count {
      #expect(throws: BlockError.self) { _ = try Self.stub(of: Array(stub[..<count])) }
    }
    for fixture in [Self.storeFixture, Self.ownedFixture] {
      let store = try Fixtures.bytes(fixture)
      for bit in 0..<8 * store.count {
        #expect(ColdLocation.decode(store.flipping(bit: bit)) == nil)
      }
      for count in 0..<store.count { #expect(ColdLocation.decode(Array(store[..<count])) == nil) }
    }
    let removals = try Fixtures.bytes(Self.removalsFixture)
    for bit in 0..<8 * removals.count {
      #expect(ColdRemovals.decode(removals.flipping(bit: bit)) == nil)
    }
    for count in 0..<removals.count {
      #expect(ColdRemovals.decode(Array(removals[..<count])) == nil)
    }
    let manifest = try Fixtures.bytes(Self.manifestFixture)
    for bit in 0..<8 * manifest.count {
      #expect(throws: BlockError.self) { _ = try Self.manifest(of: manifest.flipping(bit: bit)) }
    }
  }

  @Test func pagesShowTheFixtures() throws {
    let page = try FormatPage("cold.md")
    let store = try Fixtures.bytes(Self.storeFixture)
    #expect(page.shows(store), "\(FormatPage.rows(store).joined(separator: "\n"))")
    let stub = Array(try Fixtures.bytes(Self.stubFixture)[..<160])
    #expect(page.shows(stub), "\(FormatPage.rows(stub).joined(separator: "\n"))")
    let manifest = FormatPage.rows(try Fixtures.bytes(Self.manifestFixture))
    let manifests = try FormatPage("manifest.md")
    for row in manifest.suffix(3) { #expect(manifests.text.contains(row), "\(row)") }
  }
}
