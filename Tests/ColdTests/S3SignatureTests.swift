import Cold
import Testing

/// Goal: requests are signed as the service expects. The examples are those of the S3 documentation
/// ("Signature Calculations for the Authorization Header").
@Suite struct S3SignatureTests {
  private static let signer = S3Signature(
    accessKey: "AKIAIOSFODNN7EXAMPLE",
    secretKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    region: "us-east-1"
  )
  private static let time = "20130524T000000Z"
  private static let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

  private static func signature(_ request: S3Signature.Request) -> String {
    let text = signer.authorization(request, time: time)
    return String(text.split(separator: "=").last ?? "")
  }

  private static func headers(
    _ digest: String,
    _ others: [(name: String, value: String)] = []
  ) -> [(name: String, value: String)] {
    others + [
      ("host", "examplebucket.s3.amazonaws.com"), ("x-amz-content-sha256", digest),
      ("x-amz-date", time),
    ]
  }

  @Test func aRangeOfAnObject() {
    let request = S3Signature.Request(
      method: "GET",
      path: "/test.txt",
      headers: Self.headers(Self.empty, [("range", "bytes=0-9")]),
      digest: Self.empty
    )
    #expect(
      Self.signer.authorization(request, time: Self.time)
        == "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
        + "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, "
        + "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
    )
  }

  @Test func anObjectWithACharacterToEscape() {
    let digest = "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"
    let request = S3Signature.Request(
      method: "PUT",
      path: "/" + S3Signature.escape("test$file.text", keepsSlashes: true),
      headers: Self.headers(
        digest,
        [
          ("date", "Fri, 24 May 2013 00:00:00 GMT"),
          ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
        ]
      ),
      digest: digest
    )
    #expect(
      Self.signature(request) == "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"
    )
  }

  @Test func aQueryWithoutAndWithValues() {
    let lifecycle = S3Signature.Request(
      method: "GET",
      path: "/",
      query: [("lifecycle", "")],
      headers: Self.headers(Self.empty),
      digest: Self.empty
    )
    #expect(
      Self.signature(lifecycle)
        == "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"
    )
    let list = S3Signature.Request(
      method: "GET",
      path: "/",
      query: [("prefix", "J"), ("max-keys", "2")],
      headers: Self.headers(Self.empty),
      digest: Self.empty
    )
    #expect(
      Self.signature(list) == "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"
    )
  }

  @Test func theAuthenticatorIsThatOfTheStandard() {
    // RFC 4231, cases 1 and 6.
    let first = S3Signature.authenticator(
      Array(repeating: 0x0b, count: 20),
      Array("Hi There".utf8)
    )
    #expect(
      S3Signature.hexadecimal(first)
        == "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
    )
    let sixth = S3Signature.authenticator(
      Array(repeating: 0xaa, count: 131),
      Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8)
    )
    #expect(
      S3Signature.hexadecimal(sixth)
        == "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
    )
  }

  @Test func timesAreInTheBasicForm() {
    #expect(S3Signature.time(1_369_353_600_000_000_000) == "20130524T000000Z")
  }
}
