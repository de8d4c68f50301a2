import Server
import Testing

struct MetricsTextTests {
  @Test func aFamilyHasHelpTypeAndSamples() {
    var page = MetricsText()
    page.family("varve_points_rejected_total", .counter, "Points refused.")
    page.sample(3, [("reason", "future")])
    page.sample(0.5, [("reason", "a\"b\\c\nd")])
    #expect(
      page.text == """
        # HELP varve_points_rejected_total Points refused.
        # TYPE varve_points_rejected_total counter
        varve_points_rejected_total{reason="future"} 3
        varve_points_rejected_total{reason="a\\"b\\\\c\\nd"} 0.5

        """
    )
  }

  @Test func aHistogramIsCumulative() {
    var page = MetricsText()
    page.histogram("x_seconds", "X.", bounds: [0.001, 1], counts: [2, 0, 5], sum: 7.25)
    #expect(
      page.text == """
        # HELP x_seconds X.
        # TYPE x_seconds histogram
        x_seconds_bucket{le="0.001"} 2
        x_seconds_bucket{le="1"} 2
        x_seconds_bucket{le="+Inf"} 7
        x_seconds_sum 7.25
        x_seconds_count 7

        """
    )
  }

  @Test(arguments: [
    (0, "0"), (-0.5, "-0.5"), (1e15, "1000000000000000"), (1e300, "1e+300"), (.nan, "NaN"),
    (.infinity, "+Inf"), (-.infinity, "-Inf"), (9_007_199_254_740_992, "9007199254740992"),
  ])
  func numbersAreReadable(value: Double, text: String) {
    #expect(MetricsText.number(value) == text)
  }

  @Test func helpStaysOnOneLine() {
    var page = MetricsText()
    page.single("a", .gauge, "one\ntwo\\three", 1)
    #expect(page.text == "# HELP a one\\ntwo\\\\three\n# TYPE a gauge\na 1\n")
  }
}
