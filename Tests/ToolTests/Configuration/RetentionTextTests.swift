import Engine
import Testing
import Tool

/// Rules of retention as configuration writes them.
struct RetentionTextTests {
  @Test func rulesAreReadAndWrittenBack() throws {
    let text = "debug=1d, acme/audit=forever, acme/=90d, acme/=200GiB, scratch_*=6h"
    let rules = try #require(RetentionText.rules(text))
    #expect(RetentionText.text(rules) == text)
    #expect(RetentionText.rules(" acme/* = 1y ,")?.first?.limit == .age(31_536_000_000_000_000))
    #expect(RetentionText.rules("*=2d").map(RetentionText.text) == "*=2d")
    #expect(RetentionText.rules("")?.isEmpty == true)
    #expect(RetentionText.rules("none")?.isEmpty == true)
    #expect(RetentionText.text([]) == "none")
  }

  @Test(arguments: [
    "debug", "debug=", "=1d", "debug=1", "debug=30m", "debug=10GiB", "debug=0", "/x=1d",
    "acme/audit=1GiB", "*=1GiB", "acme/=0B",
  ])
  func whatMeansNothingIsRefused(text: String) {
    #expect(RetentionText.rules(text) == nil)
  }

  @Test func sizesAloneAreTold() {
    #expect(RetentionText.sizes("acme/=200GiB, b/=1MiB")?.count == 2)
    #expect(RetentionText.sizes("none")?.isEmpty == true)
    for text in ["acme/=90d", "acme/=1GiB, debug=1d", "acme/=forever", "acme"] {
      #expect(RetentionText.sizes(text) == nil)
    }
  }

  @Test func theFirstRuleThatFitsDecides() throws {
    var rules = RetentionRules()
    rules.rules = try #require(RetentionText.rules("debug=1d,acme/audit=forever,acme/=90d,scr*=6h"))
    rules.ageNanoseconds = 7 * 86_400_000_000_000
    let day: Int64 = 86_400_000_000_000
    #expect(rules.age(tenant: "acme", measurement: "debug") == day)
    #expect(rules.age(tenant: "acme", measurement: "audit") == .max)
    #expect(rules.age(tenant: "acme", measurement: "scratch") == 90 * day)
    #expect(rules.age(tenant: "other", measurement: "scratch") == day / 4)
    #expect(rules.age(tenant: "other", measurement: "cpu") == 7 * day)
    rules.ageNanoseconds = 0
    #expect(rules.age(tenant: "other", measurement: "cpu") == .max)
  }
}
